"""What a metrics server is told by cohort: the archive read on once, gathered step by step, each step told once.

A step is told SETTLE after its end, when every live batch received by then was read. What comes later is in the archive;
how much came too late is recorded as a refusal is. The cursor stays before the first batch that may hold a row of a step
that is still open, so that whoever begins anew gathers the open steps again, whole.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from eucora import clock
from eucora.batch import LIVE
from eucora.clock import EPOCH
from eucora.pipeline.cohorts import INFO, SETTLE, UNKNOWN, Being, Steps
from eucora.pipeline.followers import Source
from eucora.pipeline.house import CONSUMER
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.ports import Aggregate, Parcel, Refusal, Stretch

SQL = load(__file__, "cohorts.sql")
PARCELS_AT_ONCE = 10
"""Read before the lease is looked at again."""
KNOWN_S = 300.0
MOST_KNOWN = 300_000
REMEMBERED = 30
"""Steps: longer than what is told once more to a server that was away."""
NOTHING = (None, None, None)

Place = tuple[int, int]
Behind = Mapping[Place, tuple[int, datetime]]
Beings = Callable[[Collection[uuid.UUID]], Awaitable[Mapping[uuid.UUID, tuple[str | None, ...]]]]
"""What devices are now: (system, model, site)."""


class Cohorts:
    """The port Source; `follower` is whom it feeds, and `feed` the archive's own."""

    def __init__(self, pool: Pool, feed: Source, beings: Beings, follower: str) -> None:
        self._pool, self._feed, self._follower = pool, feed, follower
        self._who = Who(beings)
        self._main: Reader | None = None
        self._again: Reader | None = None

    async def after(self, cursor: Mapping[Place, int], most: int, upto: Mapping[Place, int] | None = None) -> Stretch:
        """The next step that is over, or nothing yet."""
        if upto is not None:
            return await self._once_more(cursor, most, upto)
        if self._main is None or self._main.cursor != cursor:
            told = await self._pool.fetchval(SQL.told_upto, self._follower)
            self._main = Reader(dict(cursor), told or EPOCH)
        reader = self._main
        await self._read(reader, most, None)
        rows = await reader.next(await self._settled(reader))
        if rows is None:
            return Stretch(Parcel((), {}), {})
        return Stretch(Parcel(rows, {}), reader.moved(), reader.steps.upto, reader.late())

    async def at(self, places: Sequence[tuple[int, int, int]], moments: Sequence[datetime]) -> Parcel:
        """A letter is of a step that was told long ago: it is in the archive."""
        return Parcel((), {})

    async def _once_more(self, cursor: Mapping[Place, int], most: int, upto: Mapping[Place, int]) -> Stretch:
        """The next of the steps that lie whole between two places of the cursor, which moves when all are told."""
        if self._again is None or self._again.cursor != cursor:
            self._again = Reader(dict(cursor), await self._whole_from(cursor))
        reader, told = self._again, EPOCH if self._main is None else self._main.steps.upto
        done = await self._read(reader, most, upto)
        unread = [
            reader.received.get(p, EPOCH) for p, end in upto.items() if p[1] == LIVE and reader.at.get(p, 0) < end
        ]
        rows = await reader.next(told if done else min([told, *(at - SETTLE for at in unread)]))
        if rows is not None:
            return Stretch(Parcel(rows, {}), _still(cursor))
        if not done:
            return Stretch(Parcel((), {}), _still(cursor))
        self._again = None
        return Stretch(Parcel((), {}), _still(upto))

    async def _whole_from(self, cursor: Mapping[Place, int]) -> datetime:
        """From when on every step lies behind the cursor."""
        if self._main is not None and (known := self._main.stood(cursor)) is not None:
            return known
        places = sorted(cursor)
        columns = ([p[0] for p in places], [p[1] for p in places], [cursor[p] for p in places])
        return await self._pool.fetchval(SQL.closed_at, *columns) or EPOCH

    async def _read(self, reader: "Reader", most: int, upto: Mapping[Place, int] | None) -> bool:
        """Some parcels on; whether nothing is left."""
        for _ in range(PARCELS_AT_ONCE):
            stretch = await self._feed.after(reader.at, most, upto)
            if not stretch.behind:
                return True
            await self._who.learn(stretch.parcel)
            await asyncio.to_thread(reader.gather, stretch, self._who.of)
        return False

    async def _settled(self, reader: "Reader") -> datetime:
        """Up to when steps may be told: every live batch that was received SETTLE later was read."""
        ends = [clock.now()]
        for row in await self._pool.fetch(SQL.live, CONSUMER):
            place = (row["shard"], LIVE)
            if reader.at.get(place, 0) < row["position"]:
                ends.append(reader.received.get(place, EPOCH))
            elif row["upto"] is not None:
                ends.append(row["upto"])
        return min(ends) - SETTLE


def _still(places: Mapping[Place, int]) -> Behind:
    return {place: (position, EPOCH) for place, position in places.items()}


class Who:
    """What devices are, asked for a parcel at a time; and the version that each said last."""

    def __init__(self, beings: Beings) -> None:
        self._beings = beings
        self._known: dict[uuid.UUID, tuple[str | None, ...]] = {}
        self._asked_at = clock.monotonic()
        self.of: dict[uuid.UUID, Being] = {}

    async def learn(self, parcel: Parcel) -> None:
        """Every device of the parcel."""
        if clock.monotonic() - self._asked_at > KNOWN_S or len(self._known) > MOST_KNOWN:
            self._known, self._asked_at = {}, clock.monotonic()
        new = {row.device for row in parcel.rows} - self._known.keys()
        if new:
            found = await self._beings(new)
            self._known |= {device: found.get(device, NOTHING) for device in new}
        versions = {shape: _version(parts) for shape, parts in parcel.shapes.items()}
        for row in parcel.rows:
            before = self.of.get(row.device)
            version = versions[row.shape] or (before[-1] if before is not None else UNKNOWN)
            self.of[row.device] = (*(value or UNKNOWN for value in self._known[row.device]), version)


def _version(parts: Any) -> str | None:
    return next((labels["version"] for name, labels in parts if name == INFO and "version" in labels), None)


class Reader:
    """Where it reads, and the steps that are open. `cursor`: from where they are whole for whoever begins anew."""

    def __init__(self, cursor: dict[Place, int], upto: datetime) -> None:
        self.cursor, self.at = cursor, dict(cursor)
        self.received: dict[Place, datetime] = {}
        self.steps = Steps(upto)
        self.shapes: dict[int, Any] = {}
        self._passed: deque[tuple[Behind, datetime, list[datetime]]] = deque()
        self._late: list[datetime] = []
        self._stood: deque[tuple[dict[Place, int], datetime]] = deque([(dict(cursor), upto)], maxlen=REMEMBERED)

    def gather(self, stretch: Stretch, beings: Mapping[uuid.UUID, Being]) -> None:
        """A parcel into its steps."""
        self.shapes |= stretch.parcel.shapes
        late = self.steps.add(stretch.parcel.rows, beings, self.shapes)
        for place, (position, received) in stretch.behind.items():
            self.at[place] = position
            self.received[place] = max(received, self.received.get(place, EPOCH))
        newest = max(self.received[place] for place in stretch.behind)
        self._passed.append((stretch.behind, newest, late))

    async def next(self, settled: datetime) -> list[Aggregate] | None:
        """The oldest step that ended by then, told by this; None when there is none."""
        over = self.steps.over(settled)
        return await asyncio.to_thread(self.steps.take, over[0], self.shapes) if over else None

    def moved(self) -> Behind:
        """The cursor moves to the last batches that were received before the next step began; where it moved."""
        found: dict[Place, tuple[int, datetime]] = {}
        while self._passed and self._passed[0][1] <= self.steps.upto:
            behind, _, late = self._passed.popleft()
            found |= behind
            self._late += late
        self.cursor |= {place: position for place, (position, _) in found.items()}
        self._stood.append((dict(self.cursor), self.steps.upto))
        return found

    def stood(self, cursor: Mapping[Place, int]) -> datetime | None:
        """How far was told when it stood there, lately."""
        return next((upto for before, upto in self._stood if before == cursor), None)

    def late(self) -> tuple[Refusal, ...]:
        """Rows that came after their step was told, of what the cursor passed since this was asked last."""
        late, self._late = self._late, []
        return (Refusal("step-told", min(late), max(late), len(late)),) if late else ()
