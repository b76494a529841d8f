"""Device, stream, sequence, chain, ordinals: the order of things without a clock. Pure.

An item's order key is (number of its stream, ordinal); an item that travels again keeps it.
"""

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Reason = Literal["shed", "expired", "corrupt", "void"]
REASONS: tuple[Reason, ...] = ("shed", "expired", "corrupt", "void")
MAX_ORDINAL = 2**53 - 1
FIRST = "none"
"""`eucora-previous` of a device's very first batch."""
LOST = "lost"
"""`eucora-previous` where the stream before is gone."""

_NUMBER = r"(?:0|[1-9][0-9]{0,15})"
_RANGE = rf"{_NUMBER}-{_NUMBER}"
_RUNS = rf"(?:{_RANGE}|{_NUMBER})(?:\+(?:{_RANGE}|{_NUMBER}))*"
_ITEMS = re.compile(rf"({_NUMBER})-({_NUMBER})((?:;(?:shed|expired|corrupt|void)={_RUNS})*)")
_LOST = re.compile(rf"({_NUMBER})=(?:({_NUMBER})-({_NUMBER}))?:(shed|expired|corrupt|void)")


class Malformed(ValueError):
    """A sequence header is malformed."""


class Tombstone(Struct, frozen=True, order=True):
    """Ordinals first to last (both included) that travel no more, and why."""

    first: int
    last: int
    reason: Reason


class Items(Struct, frozen=True):
    """The contiguous range of ordinals for which a batch accounts; what it does not carry stands as tombstones."""

    first: int
    last: int
    gone: tuple[Tombstone, ...] = ()

    def carried(self) -> list[int]:
        """The ordinals that the body holds, ascending."""
        if not self.gone:
            return list(range(self.first, self.last + 1))
        absent = {n for t in self.gone for n in range(t.first, t.last + 1)}
        return [n for n in range(self.first, self.last + 1) if n not in absent]

    def carried_count(self) -> int:
        return self.last - self.first + 1 - sum(t.last - t.first + 1 for t in self.gone)


class Lost(Struct, frozen=True):
    """A sealed batch that the device lost: its sequence, its items if known, and why."""

    sequence: int
    first: int | None
    last: int | None
    reason: Reason


MAX_ITEMS = 100_000
"""A batch accounts for at most this many ordinals, so that a header can't make the reader count for ever."""


def format_items(items: Items) -> str:
    """`12-40;shed=13-15+20;void=33`"""
    parts = [f"{items.first}-{items.last}"]
    for reason in REASONS:
        runs = [t for t in items.gone if t.reason == reason]
        if runs:
            parts.append(f"{reason}=" + "+".join(_run(t.first, t.last) for t in runs))
    return ";".join(parts)


def parse_items(header: str) -> Items:
    """The inverse of `format_items`. Raises Malformed for anything that is not exactly such a header."""
    match = _ITEMS.fullmatch(header)
    if match is None:
        raise Malformed("eucora-items")
    first, last = int(match[1]), int(match[2])
    if first < 1 or last > MAX_ORDINAL or not 0 <= last - first < MAX_ITEMS:
        raise Malformed("eucora-items: range")
    gone = _parse_gone(match[3], first, last) if match[3] else ()
    return Items(first, last, gone)


def _parse_gone(tail: str, first: int, last: int) -> tuple[Tombstone, ...]:
    found: list[Tombstone] = []
    for clause in tail[1:].split(";"):
        reason, _, runs = clause.partition("=")
        for run in runs.split("+"):
            low, _, high = run.partition("-")
            found.append(Tombstone(int(low), int(high or low), _reason(reason)))
    found.sort()
    edge = first - 1
    for t in found:
        if not edge < t.first <= t.last <= last:
            raise Malformed("eucora-items: tombstones")
        edge = t.last
    return tuple(found)


def _reason(text: str) -> Reason:
    for reason in REASONS:
        if reason == text:
            return reason
    raise Malformed("reason")


def _run(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def tombstones(ordinals: Iterable[tuple[int, Reason]]) -> tuple[Tombstone, ...]:
    """Runs of neighbouring ordinals with one reason, ascending."""
    runs: list[Tombstone] = []
    for n, reason in sorted(ordinals):
        if runs and runs[-1].last == n - 1 and runs[-1].reason == reason:
            runs[-1] = Tombstone(runs[-1].first, n, reason)
        else:
            runs.append(Tombstone(n, n, reason))
    return tuple(runs)


def format_lost(lost: Iterable[Lost]) -> str:
    """`7=12-14:corrupt, 9=:corrupt`"""
    return ", ".join(f"{x.sequence}={'' if x.first is None else f'{x.first}-{x.last}'}:{x.reason}" for x in lost)


def parse_lost(header: str) -> tuple[Lost, ...]:
    """The inverse of `format_lost`. Raises Malformed."""
    if not header:
        return ()
    found = []
    for part in header.split(", "):
        m = _LOST.fullmatch(part)
        if m is None:
            raise Malformed("eucora-lost")
        number, first, last = int(m[1]), int(m[2] or 1), int(m[3] or 1)
        if number < 1 or not 1 <= first <= last <= MAX_ORDINAL:
            raise Malformed("eucora-lost: range")
        found.append(Lost(number, first if m[2] else None, last if m[2] else None, _reason(m[4])))
    return tuple(found)
