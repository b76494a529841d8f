"""Which items of a stream are accounted for: the gap ledger, an interval set a stream. Pure.

Every item has an ordinal, counted by the device from 1. A batch accounts for a range of them, carried or told to be gone and
why; so what no batch has accounted for below the highest is exactly what is missing. The account is the union of what was
told: whatever the order of arrival, and however often something comes, it becomes the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from eucora.clock import from_ms, to_ms
from eucora_wire.sequence import Reason, parse_items, parse_lost

MOST_MISSING = 512
"""Intervals of a stream; a device that leaves more holes than that has its last ones counted as one: too much is claimed."""


class Missing(Struct, frozen=True, array_like=True):
    """Ordinals first to last, both included, that nobody accounted for; since when, in ms of receipt, that is known.

    `restored`: it was found out by the first batch that came after the database was put back.
    """

    first: int
    last: int
    since_ms: int
    restored: bool = False

    @property
    def since(self) -> datetime:
        """When what lies behind it arrived."""
        return from_ms(self.since_ms)


class Account(Struct, frozen=True):
    """Accounted for from `begins` to `last`, but for what is missing, in ascending order."""

    last: int = 0
    missing: tuple[Missing, ...] = ()
    begins: int = 1

    @property
    def items(self) -> int:
        """How many were heard of."""
        return self.last - self.begins + 1

    @property
    def items_missing(self) -> int:
        """How many those are."""
        return sum(each.last - each.first + 1 for each in self.missing)


Ranges = list[tuple[int, int]]
"""Ordinals first to last, both included."""


class Told(Struct, frozen=True):
    """What one batch accounts for; of that, what travels no more, and why."""

    ranges: Ranges
    gone: list[tuple[int, int, Reason]]


def told(headers: Mapping[str, str]) -> Told:
    """By its signed headers: its own range, and those of batches that the device has lost."""
    items = parse_items(headers["eucora-items"])
    lost = [(x.first, x.last, x.reason) for x in parse_lost(headers.get("eucora-lost", "")) if x.first and x.last]
    return Told(
        [(items.first, items.last), *((first, last) for first, last, _ in lost)],
        [*((each.first, each.last, each.reason) for each in items.gone), *lost],
    )


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same ordinals in as few ranges as there are, in ascending order."""
    found: Ranges = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def begun(account: Account, first: int) -> Account:
    """With the first item of the stream's first batch: what lies below it is of the streams before."""
    kept = (each for each in account.missing if each.last >= first)
    missing = tuple(Missing(max(first, m.first), m.last, m.since_ms, m.restored) for m in kept)
    return Account(max(account.last, first - 1), missing, first)


def accounted(
    before: Account, ranges: Iterable[tuple[int, int]], received: datetime, restored: bool = False
) -> Account:
    """After some ranges more. `received`: since when what they leave missing is known to be."""
    last, missing = before.last, list(before.missing)
    for first, upto in ranges:
        if first > last + 1:
            missing.append(Missing(last + 1, first - 1, to_ms(received), restored))
        elif missing and first <= missing[-1].last:
            missing = [part for each in missing for part in _without(each, first, upto)]
        last = max(last, upto)
    return Account(last, _bounded(missing), before.begins)


def _without(each: Missing, first: int, last: int) -> Iterable[Missing]:
    if last < each.first or first > each.last:
        yield each
        return
    if each.first < first:
        yield Missing(each.first, first - 1, each.since_ms, each.restored)
    if last < each.last:
        yield Missing(last + 1, each.last, each.since_ms, each.restored)


def _bounded(missing: Sequence[Missing]) -> tuple[Missing, ...]:
    if len(missing) <= MOST_MISSING:
        return tuple(missing)
    first = missing[MOST_MISSING - 1]
    return (*missing[: MOST_MISSING - 1], Missing(first.first, missing[-1].last, first.since_ms))


def pack(account: Account) -> str:
    """What is missing, as it stands in the table: `[[first, last, since in ms, restored], …]`."""
    return msgspec.json.encode(account.missing).decode()


def unpack(row: Any) -> Account:
    """Of a row of stream_items."""
    return Account(row["last"], msgspec.json.decode(row["missing"], type=tuple[Missing, ...]), row["begins"])
