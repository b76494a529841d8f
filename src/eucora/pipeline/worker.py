"""The digest's loop: hold places by lease, read on from their cursors, digest, again. Any number may run.

Live goes before replay: while live lags, replay gets at most half. A zombie, who was paused past the lease, writes
nothing: its transaction finds the cursors with somebody else, and it begins anew under a new lease.
"""

import asyncio
import random
import uuid
from collections.abc import Sequence

import structlog

from eucora import clock
from eucora.batch import LIVE, REPLAY, Entry
from eucora.journal import cursors
from eucora.journal.cursors import Moves, Zombie
from eucora.journal.port import Place
from eucora.pipeline.flow import digest
from eucora.pipeline.house import CONSUMER, House
from eucora.problems import TryLater

FIRST_ENTRIES = 100
MOST_ENTRIES = 2_000
ITEMS_AT_ONCE = 4_000
BYTES_AT_ONCE = 2 * 2**20
LONGEST_S = 1.0
"""A transaction stays short: fewer entries when each holds many items, or one large inventory."""
IDLE_S = 0.05
LONGEST_IDLE_S = 0.5
CHORES_S = 5.0
LONGEST_PAUSE_S = 10.0

log = structlog.get_logger()


async def run(house: House, ended: asyncio.Event) -> None:
    """Digest until `ended`, through every failure that passes by itself."""
    failures = 0
    while not ended.is_set():
        worker = Worker(house)
        try:
            await worker.work(ended)
            failures = 0
        except Zombie:
            log.warning("lease_lost", lease=str(worker.lease))
        except TryLater as exc:
            failures += 1
            log.warning("digest_paused", reason=exc.slug, failures=failures)
            # Full jitter: the cap bounds the range, not the draw.
            await _rest(ended, random.uniform(0, min(LONGEST_PAUSE_S, 0.1 * 2**failures)))  # noqa: S311
        finally:
            await worker.let_go()


class Worker:
    """One lease, the places that it holds, and where their cursors stand."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.lease = uuid.uuid4()
        self.at: dict[Place, int] = {}
        self._entries_at_once = FIRST_ENTRIES
        self._claimed_at = self._chores_at = float("-inf")

    async def work(self, ended: asyncio.Event) -> None:
        """Turn after turn, resting longer while nothing comes."""
        idle_s = IDLE_S
        while not ended.is_set():
            await self._hold()
            entries = await self.read()
            if entries:
                await self._digest(entries)
                idle_s = IDLE_S
            else:
                await _rest(ended, idle_s)
                idle_s = min(LONGEST_IDLE_S, idle_s * 1.5)
            await self._chores()

    async def _hold(self) -> None:
        """Claim and renew at a third of the lease; places that others let go are taken up here."""
        if clock.monotonic() - self._claimed_at < self.house.lease_s / 3:
            return
        held = await cursors.claim(self.house.app, CONSUMER, self.lease, self.house.lease_s)
        self._claimed_at = clock.monotonic()
        if held != self.at.keys():
            positions = await cursors.positions(self.house.app, CONSUMER)
            self.at = {place: positions[place] for place in sorted(held)}
            log.info("places_held", places=len(held))

    async def read(self) -> list[Entry]:
        """What comes next: live first; replay has the rest of the turn, or half as much while live has more to read."""
        most = self._entries_at_once
        live = await self._read_lane(LIVE, most)
        # At least one: else the replay lane would starve while live entries are large.
        replay = await self._read_lane(REPLAY, max(1, most // 2, most - len(live)))
        return cut(live, BYTES_AT_ONCE) + cut(replay, BYTES_AT_ONCE // 2)

    async def _read_lane(self, lane: int, most: int) -> list[Entry]:
        after = {place: position for place, position in self.at.items() if place[1] == lane}
        return await self.house.journal.read(after, most) if after else []

    async def _digest(self, entries: Sequence[Entry]) -> None:
        began = clock.monotonic()
        moves = self._moves(entries)
        committed = await digest(entries, moves, self.lease, self.house)
        self.at.update((place, new) for place, (_, new, _) in moves.items())
        took_s = clock.monotonic() - began
        self._entries_at_once = at_once(entries, committed.items + committed.dead, took_s)
        log.info(
            "batch_committed",
            entries=len(entries),
            items=committed.items,
            dead=committed.dead,
            took_s=round(took_s, 4),
        )

    def _moves(self, entries: Sequence[Entry]) -> Moves:
        """Each place ends at its last entry read."""
        last = {(e.shard, e.lane): e for e in entries}
        return {place: (self.at[place], last[place].position, last[place].received) for place in sorted(last)}

    async def _chores(self) -> None:
        """Small things in between, at most each few seconds; one that fails is told and tried again."""
        if clock.monotonic() - self._chores_at < CHORES_S:
            return
        self._chores_at = clock.monotonic()
        for chore in self.house.chores:
            await chore(clock.now())

    async def let_go(self) -> None:
        """Others may have the places at once; when the database is away, the lease runs out by itself."""
        try:
            await cursors.release(self.house.app, CONSUMER, self.lease)
        except TryLater:
            log.info("lease_left_to_run_out", lease=str(self.lease))


def at_once(entries: Sequence[Entry], items: int, took_s: float) -> int:
    """How many entries to read next, when they are like these: by items, by bytes, by the time that they took.

    By time also after a turn that was short: else the next takes all that it may, and where the digest has little of a
    core the present waits out ten seconds of it (docs/decisions/storm.md).
    """
    count = len(entries)
    bytes_each = max(1, sum(len(entry.body or b"") for entry in entries) // count)
    by_time = int(count * LONGEST_S / max(took_s, 0.001))
    return max(1, min(MOST_ENTRIES, ITEMS_AT_ONCE * count // max(items, 1), 2 * BYTES_AT_ONCE // bytes_each, by_time))


def cut(entries: list[Entry], most: int) -> list[Entry]:
    """The first of them, up to so many bytes but at least one; the others are read again."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.body or b"")
        if size > most:
            return entries[: max(1, count)]
    return entries


async def _rest(ended: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past the end."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
