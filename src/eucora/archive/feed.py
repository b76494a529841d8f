"""What the archive holds of one kind behind a cursor: by positions per shard and lane, from hot rows and files alike.

Rule 1: the digest's cursor is read before the rows: an entry that it has passed never gets another row, but for dead
letters that are digested again, which are asked for by their places.
Rule 2: a stretch ends between two entries, so that the cursor behind it is true.
Rule 3: what is masked, and what an erased person wrote, leaves the archive to nobody.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from eucora import clock
from eucora.archive import stretches
from eucora.archive.asking import Asking, Bounds
from eucora.archive.copies import Copies
from eucora.archive.files import File, snapshot
from eucora.archive.query import SQL as SHAPES
from eucora.archive.stretches import Range, Row
from eucora.problems import Refused, TryLater
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Kind, Line, Parcel, Reading, Span, Stretch

SQL = load(__file__, "feed.sql")
DIGEST = "pipeline"
FIRST_ENTRIES, MOST_ENTRIES = 200, 5_000
OPEN_AROUND = timedelta(minutes=2)
"""Longer than the transaction that digests a letter again."""
MOST_BYTES = 4 * 2**20
"""Of the texts of a parcel, in characters; one entry may be larger."""

BOUNDS = Bounds(memory_mib=512, timeout_s=120.0, at_once=1)
"""A follower asks one thing after the other, and waits for nobody."""

Place = tuple[int, int]
"""(shard, lane)."""


Erased = Callable[[set[uuid.UUID]], Awaitable[set[uuid.UUID]]]
"""Which of these subjects belong to an erased person."""


class Feed:
    """Reads on for one follower. It learns how many entries make a parcel."""

    def __init__(self, pool: Pool, copies: Copies, kind: Kind, erased: Erased) -> None:
        self._pool, self._copies, self._kind, self._erased = pool, copies, kind, erased
        self._of = KINDS[kind]
        self._asking = Asking(BOUNDS)
        self._shapes: dict[int, Any] = {}
        self._entries = FIRST_ENTRIES

    async def after(self, cursor: Mapping[Place, int], most: int, upto: Mapping[Place, int] | None = None) -> Stretch:
        """At most `most` rows, but at least those of one entry; behind nothing when there is nothing new.

        `upto`: only these places, and no further than there.
        """
        tips = {(row["shard"], row["lane"]): row for row in await self._pool.fetch(SQL.tips, DIGEST)}
        ends = {place: tip["position"] for place, tip in tips.items()}
        if upto is not None:
            ends = {place: min(end, ends.get(place, 0)) for place, end in upto.items()}
        wanted = ranges(cursor, ends, self._entries)
        if not wanted:
            return Stretch(Parcel((), {}), {})
        rows = await self._between(wanted, most + 1)
        if len(rows) > most and (last := _entry(rows[-1])) == _entry(rows[0]):
            wanted = [Range(last[1], last[0], last[2] - 1, last[2])]  # one entry alone is more than a parcel
            rows = await self._between(wanted, None)
        elif len(rows) > most:
            rows, wanted = cut(rows, wanted)
        if (fits := self._fitting(rows)) < len(rows) and _entry(rows[fits]) != _entry(rows[0]):
            rows, wanted = cut(rows[: fits + 1], wanted)
        self._learn(sum(r.upto - r.after for r in wanted), len(rows), most)
        newest = _newest(rows)
        behind = {(r.shard, r.lane): _end(r, newest, tips[r.shard, r.lane]) for r in wanted}
        return Stretch(await self._parcel(rows), behind)

    async def at(self, places: Sequence[tuple[int, int, int]], moments: Sequence[datetime]) -> Parcel:
        """Rows of single entries (shard, lane, position), which were stored at about these moments."""
        wanted = [Range(shard, lane, position - 1, position) for shard, lane, position in sorted(set(places))]
        return await self._parcel(await self._between(wanted, None, moments))

    async def _between(
        self, wanted: Sequence[Range], most: int | None, moments: Sequence[datetime] | None = None
    ) -> list[Row]:
        """The first rows of these stretches. Files are immutable: they are read when the snapshot is closed again."""
        async with snapshot(self._pool) as at:
            sealed = await _sealed(at.db, wanted, moments)
            rows: list[Any] = await at.db.fetch(self._of.hot, *_columns(wanted), at.hot, most)
            files = [f for f in await at.files(self._kind) if _holds(f, sealed)] if sealed else []
        if files:
            async with self._copies.of(files) as paths:
                rows += await self._read(paths, wanted, most)
            rows.sort(key=lambda row: row[:4])
        return rows[:most]

    async def _read(self, paths: Sequence[Path], wanted: Sequence[Range], most: int | None) -> list[Row]:
        try:
            async with self._asking.question("", wide=False) as question:
                return await question.of(
                    partial(stretches.rows, kind=self._kind, files=paths, wanted=wanted, most=most)
                )
        except Refused as exc:
            raise TryLater("store-unavailable", f"files could not be read ({exc.slug})") from exc

    async def _parcel(self, rows: Sequence[Row]) -> Parcel:
        """Without what is masked now; what is masked from now on is forgotten by the follower later."""
        masks = await self._pool.fetch(SQL.masked, list({row[DEVICE] for row in rows})) if rows else []
        rows = [row for row in rows if not _hidden(row, masks)] if masks else rows
        numbers = {row[SHAPE] for row in rows}
        if unknown := numbers - self._shapes.keys():
            parts = await self._pool.fetch(SHAPES.parts_of, list(unknown))
            self._shapes |= {row["shape"]: msgspec.json.decode(row["parts"]) for row in parts}
        return Parcel(await self._made(rows), {number: self._shapes[number] for number in numbers})

    async def _made(self, rows: Sequence[Row]) -> list[Any]:
        subject = self._of.subject
        if subject is None:
            return [self._of.made(row, False) for row in rows]
        gone = await self._erased({row[subject] for row in rows if row[subject] is not None})
        return [self._of.made(row, row[subject] in gone) for row in rows]

    def _fitting(self, rows: Sequence[Row]) -> int:
        """How many rows hold no more text than a parcel may."""
        if sum(len(row[text] or "") for text in self._of.texts for row in rows) <= MOST_BYTES:
            return len(rows)
        size = 0
        for count, row in enumerate(rows):
            size += sum(len(row[text] or "") for text in self._of.texts)
            if size > MOST_BYTES:
                return count
        return len(rows)

    def _learn(self, entries: int, rows: int, most: int) -> None:
        self._entries = max(1, min(MOST_ENTRIES, 2 * self._entries, entries * most // max(rows, 1)))


DEVICE, TIME, RECEIVED, SHAPE = (stretches.HEAD.index(name) for name in ("device", "time", "received", "shape"))
LINE, SPAN = (*stretches.HEAD, *stretches.behind("lines")), (*stretches.HEAD, *stretches.behind("spans"))


def reading(row: Row, erased: bool) -> Reading:
    """A row of metrics, which are of devices: nothing in it is a person's."""
    return Reading(*row[DEVICE:])


def line(row: Row, erased: bool) -> Line:
    """A row of lines; of an erased person the text is gone, and that it was theirs."""
    told = Line(*(*row[DEVICE:-1], _object(row[-1])))
    return replace(told, subject=None, text="", fields={}) if erased else told


def span(row: Row, erased: bool) -> Span:
    """A row of spans; of an erased person the attributes are gone, and that it was theirs."""
    told = Span(*(*row[DEVICE:-1], _object(row[-1])))
    return replace(told, subject=None, attributes={}) if erased else told


class Of(Struct, frozen=True):
    """What tells the kinds apart: where hot rows come from, what a row becomes, and which columns hold whom and how much."""

    hot: str
    made: Callable[[Row, bool], Any]
    subject: int | None = None
    texts: tuple[int, ...] = ()


KINDS: Mapping[Kind, Of] = {
    "metrics": Of(SQL.hot_metrics, reading),
    "lines": Of(SQL.hot_lines, line, LINE.index("subject"), (LINE.index("text"), LINE.index("fields"))),
    "spans": Of(SQL.hot_spans, span, SPAN.index("subject"), (SPAN.index("attributes"),)),
}


def _object(text: str | None) -> Mapping[str, Any]:
    return _fields.decode(text) if text else {}


_fields = msgspec.json.Decoder(dict[str, Any])


def _hidden(row: Row, masks: Sequence[Any]) -> bool:
    return any(
        row[DEVICE] == mask["device"]
        and (mask["since"] is None or mask["since"] <= row[TIME])
        and row[TIME] < mask["until"]
        for mask in masks
    )


def _holds(file: File, windows: Sequence[int]) -> bool:
    return any(file.first <= window <= file.last for window in windows)


async def _sealed(db: Transaction, wanted: Sequence[Range], moments: Sequence[datetime] | None) -> list[int]:
    """Windows that hold these stretches; what was stored by itself later lies in those of that time."""
    found = await db.fetch(SQL.sealed_with, *_columns(wanted))
    if moments is not None:
        found += await db.fetch(SQL.sealed_around, list(moments), OPEN_AROUND)
    return sorted({row["window"] for row in found})


def ranges(cursor: Mapping[Place, int], tips: Mapping[Place, int], entries: int) -> list[Range]:
    """What is new, at most about `entries` positions: live places first, all alike."""
    late = sorted((place for place, tip in tips.items() if tip > cursor.get(place, 0)), key=lambda p: (p[1], p[0]))
    found = []
    for left, (shard, lane) in zip(range(len(late), 0, -1), late, strict=True):
        after, tip = cursor.get((shard, lane), 0), tips[shard, lane]
        upto = min(tip, after + max(1, entries // left))
        entries = max(0, entries - (upto - after))
        found.append(Range(shard, lane, after, upto))
    return found


def cut(rows: list[Row], wanted: Sequence[Range]) -> tuple[list[Row], list[Range]]:
    """Without the last entry, which may go on beyond the last row; and the stretches that are whole then."""
    lane, shard, position = _entry(rows[-1])
    kept = [row for row in rows if _entry(row) != (lane, shard, position)]
    whole = [r for r in wanted if (r.lane, r.shard) < (lane, shard)]
    ends = [Range(shard, lane, r.after, position - 1) for r in wanted if (r.lane, r.shard) == (lane, shard)]
    return kept, [*whole, *(r for r in ends if r.upto > r.after)]


def _entry(row: Row) -> tuple[int, int, int]:
    return (row[0], row[1], row[2])


def _columns(wanted: Sequence[Range]) -> tuple[list[int], ...]:
    return tuple([getattr(r, name) for r in wanted] for name in ("shard", "lane", "after", "upto"))


def _newest(rows: Sequence[Row]) -> dict[Place, datetime]:
    """When the last entry of each place that left a row was received."""
    found: dict[Place, datetime] = {}
    for row in rows:
        place = (row[1], row[0])
        if place not in found or found[place] < row[RECEIVED]:
            found[place] = row[RECEIVED]
    return found


def _end(r: Range, newest: Mapping[Place, datetime], tip: Any) -> tuple[int, datetime]:
    """Where the cursor stands behind a stretch, and when the last entry of it was received."""
    if r.upto == tip["position"]:
        return r.upto, tip["received"]
    return r.upto, newest.get((r.shard, r.lane), clock.EPOCH)
