"""What an inventory becomes, order-free: by whatever order and repetition items arrive, the same rows result. Pure.

Rule 1: per package the highest order key wins. Rule 2: what the newest full inventory does not list, and no later item
says, is absent under that inventory's order key. A removal is a row that says so, never a row that is gone.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from eucora.batch import Item
from eucora_wire.delta import Inventory, Key, digest, inventory, key
from eucora_wire.sections.software import Package, Software

Order = tuple[int, int]
"""(number of the stream, ordinal)."""

NEVER: Order = (0, 0)


class Stamp(Struct, frozen=True):
    """Which item said it, and when."""

    order: Order
    event_time: datetime
    received_at: datetime


class State(Struct, frozen=True):
    """Of one device: the newest full inventory, the newest item, and the digest that should result."""

    full: Stamp | None = None
    order: Order = NEVER
    result: str | None = None


class Said(Struct, frozen=True):
    """What is known of one package: there (as described) or not, and who said so."""

    package: Package | None
    stamp: Stamp


class Change(Struct, frozen=True):
    """What a batch makes of one device. `swept`: a full inventory under which all older rows become absent."""

    state: State
    rows: Mapping[Key, Said]
    swept: bool


def settle(state: State, items: Iterable[Item]) -> Change:
    """What the items of one device change."""
    told = [(_stamp(item), _software(item)) for item in items]
    fulls = [(stamp, inventory(s.packages)) for stamp, s in told if s.packages is not None]
    full, listed = max(fulls, key=lambda x: x[0].order, default=(None, {}))
    swept = full is not None and full.order > _order(state.full)
    floor = full if swept else state.full
    rows: dict[Key, Said] = {}
    for stamp, software in told:
        for name, package in said_by(software):
            candidate = _candidate(name, package, stamp, floor, listed if swept else {})
            known = rows.get(name)
            if known is None or _newer(candidate, known):
                rows[name] = candidate
    stamp, newest = max(told, key=lambda x: x[0].order)
    order, result = (stamp.order, result_of(newest)) if stamp.order > state.order else (state.order, state.result)
    return Change(State(floor, order, result), rows, swept)


def said_by(software: Software) -> Iterator[tuple[Key, Package | None]]:
    """Each package that a section speaks of, and what it says: there, or gone (None). Later ones win."""
    if software.packages is not None:
        yield from inventory(software.packages).items()
    elif software.delta is not None:
        delta = software.delta
        said: dict[Key, Package | None] = {key(r): None for r in (*delta.removed, *(c.was for c in delta.changed))}
        said |= {key(p): p for p in (*delta.added, *(c.now for c in delta.changed))}
        yield from said.items()


def result_of(software: Software) -> str:
    """The digest of the inventory that this section leads to."""
    return software.delta.result if software.delta is not None else digest(inventory(software.packages or ()))


def _candidate(name: Key, package: Package | None, stamp: Stamp, floor: Stamp | None, listed: Inventory) -> Said:
    """What was said before the newest full inventory is overruled by it."""
    if floor is not None and stamp.order < floor.order:
        return Said(listed.get(name), floor)
    return Said(package, stamp)


def _newer(one: Said, other: Said) -> bool:
    return one.stamp.order > other.stamp.order


def _order(stamp: Stamp | None) -> Order:
    return NEVER if stamp is None else stamp.order


def _stamp(item: Item) -> Stamp:
    return Stamp((item.stream_number, item.ordinal), item.time, item.received)


def _software(item: Item) -> Software:
    assert item.payload.software is not None
    return item.payload.software
