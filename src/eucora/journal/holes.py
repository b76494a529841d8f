"""What is missing of a device, exactly, and why: the gap ledger as an answer, of one device or of all.

Every item from the first to the last that was heard of is delivered, or stands here: awaited (its batch has not come),
left-behind (with a stream that the device began anew), lost (the device said that a batch is gone, and not which items),
lost-in-restore (it was acknowledged, the database was put back, and the device holds it no more), shed, expired, corrupt or
void (the device said so), rejected (it came, and could not be stored: a dead letter).
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from eucora.journal.intervals import unpack
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.postgres import translated

SQL = load(__file__, "holes.sql")

Why = Literal["awaited", "left-behind", "lost", "lost-in-restore", "shed", "expired", "corrupt", "void", "rejected"]
UNEXPLAINED = ("awaited", "left-behind")
"""Nobody has said what became of them."""
MEANS: dict[Why, str] = {
    "awaited": "its batch has not come; the device sends it again by itself",
    "left-behind": "it was in a stream that the device began anew",
    "lost": "the device lost the batch, and did not know what was in it",
    "lost-in-restore": "it was acknowledged before the platform was restored, and the device keeps it no more",
    "shed": "the spool was full, and it was the least important",
    "expired": "it was older than a spool keeps data",
    "corrupt": "it could not be read at the device",
    "void": "its batch was refused as a whole, and given up",
    "rejected": "it came, and could not be stored: eucora deadletters",
}
"""In words for people."""

MOST = 1000


class Hole(Struct, frozen=True):
    """Items first to last, both included. `since`: when it was told, or what lies behind it arrived; `detail`: why."""

    first: int
    last: int
    why: Why
    since: datetime
    detail: str = ""


class Stream(Struct, frozen=True, kw_only=True):
    """Of `items` that were heard of so many were delivered; `holes` tell of the others, in ascending order."""

    stream: uuid.UUID
    number: int
    items: int
    delivered: int
    holes: tuple[Hole, ...]


class Completeness(Struct, frozen=True, kw_only=True):
    """complete: all was delivered; explained: what was not has its reason; missing: of `unexplained` items nobody knows."""

    device: uuid.UUID
    state: Literal["complete", "explained", "missing"]
    since: datetime | None
    items: int
    delivered: int
    unexplained: int
    held: int
    streams: tuple[Stream, ...]


class Fleet(Struct, frozen=True, kw_only=True):
    """Of all devices: items that nobody accounted for, on how many devices, since when; streams that are held by a fork."""

    devices: int
    unexplained: int
    devices_missing: int
    oldest: datetime | None
    held: int


async def of_fleet(db: Pool) -> Fleet:
    """A count, whatever the size of the fleet: only streams with an open gap are looked at."""
    with translated():
        row = await db.fetchrow(SQL.fleet)
    assert row is not None
    return Fleet(**dict(row))


async def of_device(db: Pool, device: uuid.UUID, since: datetime | None = None) -> Completeness:
    """`since`: holes that came to be known since then alone; items are counted from the first."""
    with translated():
        streams = await db.fetch(SQL.streams, device)
        gone = await db.fetch(SQL.gone, device, since)
        rejected = await db.fetch(SQL.rejected, device, since)
    newest = max((row["number"] for row in streams), default=0)
    told = tuple(_stream(row, newest, gone, rejected, since) for row in streams)
    unexplained = sum(_size(hole) for each in told for hole in each.holes if hole.why in UNEXPLAINED)
    held = sum(bool(row["fork"]) for row in streams)
    state = "missing" if unexplained or held else "explained" if any(each.holes for each in told) else "complete"
    return Completeness(
        device=device,
        state=state,  # type: ignore[arg-type]
        since=since,
        items=sum(each.items for each in told),
        delivered=sum(each.delivered for each in told),
        unexplained=unexplained,
        held=held,
        streams=told,
    )


def _stream(row: Any, newest: int, gone: Sequence[Any], rejected: Sequence[Any], since: datetime | None) -> Stream:
    left, closed = row["number"] < newest, row["gaps"] == "[]"
    why: Why = "left-behind" if left else "lost" if closed else "awaited"
    account = unpack(row)
    open_ones = [
        Hole(m.first, m.last, "lost-in-restore" if m.restored and (left or closed) else why, m.since)
        for m in account.missing
        if since is None or m.since >= since
    ]
    said = [Hole(g["first"], g["last"], g["reason"], g["told_at"]) for g in gone if g["stream"] == row["stream"]]
    refused = [
        Hole(r["ordinal"], r["ordinal"] + r["count"] - 1, "rejected", r["received"], f"{r['reason']} at {r['path']}")
        for r in rejected
        if r["stream"] == row["stream"]
    ]
    holes = sorted([*open_ones, *said, *refused], key=lambda hole: (hole.first, hole.last))
    absent = account.items_missing + row["gone"] + row["rejected"]
    return Stream(
        stream=row["stream"], number=row["number"], items=account.items, delivered=account.items - absent,
        holes=tuple(holes[:MOST]),
    )  # fmt: skip


def _size(hole: Hole) -> int:
    return hole.last - hole.first + 1
