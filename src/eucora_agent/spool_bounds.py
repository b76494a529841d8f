"""What goes when the spool is full, and how the gaps that it leaves are told. Pure.

The least important goes first, and of that the oldest, waiting or sealed alike, and nothing for the sake of what is
less important than it. A sealed batch is as important as the most important item in it.
"""

import heapq
from collections.abc import Iterable, Sequence

from eucora_agent.spool_head import Gone
from eucora_wire.sequence import MAX_ITEMS, Items, Reason, Tombstone

MOST_RUNS = 200
"""Runs of tombstones in one batch: at most 7 kB of header."""

Candidate = tuple[int, int, int, int]
"""(rank, first ordinal, bytes, number of the batch; 0 for an item that waits)."""


def victims(ordered: Sequence[Iterable[Candidate]], over: int, rank: int) -> tuple[list[int], list[int]]:
    """Ordinals of items and numbers of batches to shed until `over` bytes are free, none above this rank.

    Each source is in order.
    """
    ordinals: list[int] = []
    numbers: list[int] = []
    for worth, ordinal, size, number in heapq.merge(*ordered):
        if over <= 0 or worth > rank:
            break
        (numbers if number else ordinals).append(number or ordinal)
        over -= size
    return ordinals, numbers


def absent(first: int, last: int, present: Sequence[int], gone: Sequence[Gone]) -> list[Tombstone]:
    """What stands for the ordinals of a range that are not present: as they were let go, else as corrupt. Ascending."""
    found: list[Tombstone] = []
    edge = first
    for low, high in [*((n, n) for n in present), (last + 1, last + 1)]:
        found += _reasons(edge, low - 1, gone)
        edge = high + 1
    return found


def _reasons(first: int, last: int, gone: Sequence[Gone]) -> list[Tombstone]:
    found: list[Tombstone] = []
    for low, high, reason in gone:
        if low > last or first > last:
            break
        if high < first:
            continue
        if low > first:
            found.append(Tombstone(first, low - 1, "corrupt"))
        found.append(Tombstone(max(low, first), min(high, last), reason))
        first = high + 1
    if first <= last:
        found.append(Tombstone(first, last, "corrupt"))
    return found


def cut(first: int, last: int, told: list[Tombstone]) -> tuple[int, tuple[Tombstone, ...]]:
    """How far one batch can account for: its header must stay readable. The last ordinal, and its tombstones."""
    last = min(last, first + MAX_ITEMS - 1)
    if len(told) > MOST_RUNS:
        last = min(last, told[MOST_RUNS].first - 1)
    return last, tuple(Tombstone(t.first, min(t.last, last), t.reason) for t in told if t.first <= last)


def as_tombstones(lost: Iterable[tuple[int, int, int, Reason]]) -> list[tuple[list[int], Items]]:
    """Lost batches (number, first, last, reason) in the order of their items; neighbours in one batch of tombstones."""
    found: list[tuple[list[int], Items]] = []
    for number, first, last, reason in lost:
        if found and found[-1][1].last == first - 1 and len(found[-1][0]) < MOST_RUNS:
            numbers, items = found.pop()
            gone = (*items.gone, Tombstone(first, last, reason))
            found.append(([*numbers, number], Items(items.first, last, gone)))
        else:
            found.append(([number], Items(first, last, (Tombstone(first, last, reason),))))
    return found
