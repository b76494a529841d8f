"""Behind the archive: each follower is told what the archive holds, at its own pace, from a cursor of its own.

Why so: docs/decisions/followers.md.

Rule 1: write first, then move the cursor; whoever is killed in between tells the same again, which changes nothing.
Rule 2: cursor, counters and refusals move in one transaction, by whoever holds the follower: what is counted is counted
once. Rule 3: what the server never takes is noted and passed; everything else waits until it is taken. Rule 4: what the
archive erased is forgotten before anything else is told, and asked for again until nothing is left.
"""

import asyncio
import random
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from msgspec import Struct

from eucora import clock
from eucora.archive import masks
from eucora.archive.feed import Place
from eucora.observe.figures import HERE
from eucora.observe.golden import STORE
from eucora.observe.trace import OFF, Tracer
from eucora.pipeline import traced
from eucora.pipeline.house import CONSUMER
from eucora.pipeline.mask import Text, masked
from eucora.problems import EucoraError, Misconfigured, TryLater
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Away, Follower, Interval, Parcel, Refusal, Stretch, Told, Whose
from eucora.stores.postgres import translated

SQL = load(__file__, "followers.sql")

ROWS_AT_ONCE = 5_000
LETTERS_AT_ONCE = 500
LETTERS_S = 30.0
ERASURES_AT_ONCE, FORGET_AGAIN_S = 20, 600.0
OVERLAP = timedelta(minutes=2)
"""A letter's transaction is shorter: one that commits late is not passed by. Telling it twice changes nothing."""
IDLE_S, LONGEST_IDLE_S = 0.2, 2.0
PAUSED_S = 1.0
LATELY_S, NOTED_S = 60.0, 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
RATE_OVER_S = 60.0

log = structlog.get_logger()


class Taken(EucoraError):
    """Another process tells this follower now."""


class Paused(EucoraError):
    """An operator asked that nothing be told."""


class State(Struct, frozen=True, kw_only=True):
    """How a follower stands. `waiting`: batches in the archive that it was not told; `behind_s`: the oldest of them.

    `again`: batches that it is told once more beside; `forgetting`: erasures of which it still holds something;
    `retry_at`: when it is tried again.
    """

    follower: str
    running: bool
    waiting: int
    behind_s: float
    told: int
    rate_per_s: float
    merged: int
    clamped: int
    retries: int
    told_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    retry_at: datetime | None
    paused_at: datetime | None
    again: int
    forgetting: int
    refused: tuple[Refusal, ...]
    named: bool = True
    """Whether a setting names it; one that none names any more keeps its place, and waits."""


class Source(Protocol):
    """What a follower is told out of: the archive's feed, or the audit trail's."""

    async def after(self, cursor: Mapping[Place, int], most: int, upto: Mapping[Place, int] | None = None) -> Stretch:
        """What lies behind the cursor, and where it stands then."""
        ...

    async def at(self, places: Sequence[tuple[int, int, int]], moments: Sequence[datetime]) -> Parcel:
        """Single entries (shard, lane, position), stored at about these moments."""
        ...


class Telling(Struct, frozen=True):
    """Who is told, out of what; `text`: what of free text. The lease is in seconds."""

    follower: Follower
    feed: Source
    pool: Pool
    lease_s: float
    text: Text = "masked"
    tracer: Tracer = OFF


async def run(telling: Telling, ended: asyncio.Event) -> None:
    """Tell until `ended`, through every failure that passes by itself."""
    follower, lease_s = telling.follower, telling.lease_s
    failures, lately = 0, Lately()
    while not ended.is_set():
        teller = Teller(telling, lately)
        try:
            await teller.work(ended)
        except Taken:
            await _rest(ended, lease_s / 3)
        except Paused:
            await teller.let_go()
            await _rest(ended, PAUSED_S)
        except (TryLater, Misconfigured) as exc:
            failures = 1 if teller.turns else failures + 1
            pause = pause_s(failures, getattr(exc, "retry_after_s", 0.0), random.random())  # noqa: S311
            log.warning("follower_waits", follower=follower.name, reason=str(exc), failures=failures)
            if isinstance(exc, Away) and teller.turns:
                await teller.tell_lately_again()
            await teller.note(exc, pause)
            await _rest(ended, pause)
        finally:
            await teller.let_go()


def pause_s(failures: int, asked_s: float, draw: float) -> float:
    """Full jitter: the cap bounds the range, not the draw. Never shorter than the server asked for."""
    return asked_s + draw * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 20))


class Lately:
    """Where the cursor of a follower stood in the last minute: a server that is killed may lose what it acknowledged.

    (Seen on Tempo: some seconds.) What it kept is told twice, which changes nothing.
    """

    def __init__(self) -> None:
        self._stood: deque[tuple[float, dict[Place, int]]] = deque()

    def note(self, at: Mapping[Place, int]) -> None:
        """Each few seconds; of what is older than that minute one is kept."""
        now = clock.monotonic()
        if not self._stood or now - self._stood[-1][0] >= NOTED_S:
            self._stood.append((now, dict(at)))
        while len(self._stood) > 1 and self._stood[1][0] <= now - LATELY_S:
            self._stood.popleft()

    def stood(self) -> Mapping[Place, int]:
        """A minute ago, or when it was first told."""
        return self._stood[0][1] if self._stood else {}


class Teller:
    """One lease on a follower, and where its cursor stands."""

    def __init__(self, telling: Telling, lately: Lately | None = None) -> None:
        self.lately = lately or Lately()
        self.follower, self.feed, self.pool, self.lease_s = (
            telling.follower,
            telling.feed,
            telling.pool,
            telling.lease_s,
        )
        self.text, self.tracer = telling.text, telling.tracer
        self.follows = "audit" if telling.follower.kind == "audit" else "archive"
        self.lease = uuid.uuid4()
        self.at: dict[Place, int] = {}
        self.turns = 0
        self._erased = 0
        self._letters_at = clock.EPOCH
        self._letters_told: set[uuid.UUID] = set()
        self._held_at = self._letters_looked_at = float("-inf")
        self._told: deque[tuple[float, int]] = deque([(clock.monotonic(), 0)])

    async def work(self, ended: asyncio.Event) -> None:
        """Turn after turn, resting longer while nothing comes."""
        idle_s = IDLE_S
        while not ended.is_set():
            if await self.turn():
                idle_s = IDLE_S
            else:
                await _rest(ended, idle_s)
                idle_s = min(LONGEST_IDLE_S, idle_s * 1.5)

    async def turn(self) -> bool:
        """One parcel: whether there was anything. Raises TryLater, Misconfigured, Taken."""
        with translated():
            await self._hold()
        if self.follows == "archive":
            await self._forget()
        with translated():
            letters = await self._letters()
            stretch = await self.feed.after(self.at, ROWS_AT_ONCE) if letters is None else Stretch(letters, {})
        new = bool(stretch.parcel.rows or stretch.behind or stretch.told_upto)
        if new:
            began, before = clock.to_us(clock.now()), dict(self.at)
            told = await self._write(stretch.parcel) if stretch.parcel.rows else Told(0)
            with translated():
                await self._commit(told, stretch)
                await self._trace(before, stretch.behind, began)
        # What is told once more goes beside what is new, turn by turn.
        if not await self._again() and not new:
            return False
        self.turns += 1
        return True

    async def _again(self) -> bool:
        """One parcel of what an operator asked to be told once more: whether there was anything."""
        with translated():
            rows = await self.pool.fetch(SQL.agains, self.follower.name)
            if not rows:
                return False
            at = {(row["shard"], row["lane"]): row["position"] for row in rows}
            upto = {(row["shard"], row["lane"]): row["upto"] for row in rows}
            stretch = await self.feed.after(at, ROWS_AT_ONCE, upto)
        told = await self._write(stretch.parcel) if stretch.parcel.rows else Told(0)
        behind = {place: end for place, (end, _) in stretch.behind.items()} or upto
        with translated():
            await self._commit_again(told, at, behind, asked=any(row["asked"] for row in rows))
        return True

    async def _trace(self, before: Mapping[Place, int], behind: Mapping[Place, Any], began_us: int) -> None:
        if self.tracer.on and self.follows == "archive":
            moved = {place: (before.get(place, 0), end) for place, (end, _) in behind.items()}
            times = (began_us, clock.to_us(clock.now()))
            await traced.told(self.pool, self.tracer, self.follower.name, moved, times)

    async def _write(self, parcel: Parcel) -> Told:
        """As the follower may see it. In a thread: rules over many texts take a while, in which the digest goes on."""
        kind = self.follower.kind
        if kind == "lines" or kind == "spans":
            parcel = await asyncio.to_thread(masked, parcel, kind, self.text)
        with HERE.timed(STORE, self.follower.name):
            return await self.follower.write(parcel)

    async def note(self, failure: EucoraError, pause: float = 0.0) -> None:
        """For whoever looks; when the database is away itself there is nothing to note. `pause`: until the next try."""
        try:
            with translated():
                await self.pool.execute(SQL.failed, self.follower.name, str(failure)[:500], pause)
        except TryLater:
            log.info("failure_not_noted", follower=self.follower.name)

    async def let_go(self) -> None:
        """Others may have it at once; when the database is away, the lease runs out by itself."""
        try:
            with translated():
                await self.pool.execute(SQL.let_go, self.follower.name, self.lease)
        except TryLater:
            log.info("lease_left_to_run_out", lease=str(self.lease))

    async def _hold(self) -> None:
        """Take it, and hold it on at a third of the lease, or each second: then it is seen that it was paused."""
        if clock.monotonic() - self._held_at < min(PAUSED_S, self.lease_s / 3):
            return
        name = self.follower.name
        if self._held_at < 0:
            await self.pool.execute(SQL.add, name, self.follows)
            await self.pool.execute(SQL.add_cursors, name, self.follows)
        row = await self.pool.fetchrow(SQL.hold, name, self.lease, self.lease_s)
        if row is None:
            raise Taken
        if row["paused"]:
            raise Paused
        if self._held_at < 0:
            self._letters_at = row["letters_at"]
            self._erased = await self.pool.fetchval(SQL.newest_erasure, name)
            self.at = {(r["shard"], r["lane"]): r["position"] for r in await self.pool.fetch(SQL.positions, name)}
            self.lately.note(self.at)
        self._held_at = clock.monotonic()

    async def _forget(self) -> None:
        """Erasures, each by itself. A server that may not delete is told on all the same; the masks hold for what comes."""
        name = self.follower.name
        with translated():
            await self._take_erasures()
            due = await self.pool.fetch(SQL.due, name, FORGET_AGAIN_S, ERASURES_AT_ONCE)
        for row in due:
            left = gone_by = None
            try:
                whose, interval = (
                    Whose(row["device"], row["subject"]),
                    Interval(row["since"] or clock.EPOCH, row["until"]),
                )
                done = await self.follower.forget(whose, interval)
                left, gone_by = done.left, done.gone_by
            except Misconfigured as exc:
                log.warning("follower_can_not_forget", follower=name, reason=str(exc))
                await self.note(exc)
            with translated():
                await self.pool.execute(SQL.asked, name, row["mask"], left, gone_by)

    async def _take_erasures(self) -> None:
        """Those that are new, since masks become visible in the order of their numbers."""
        async with self.pool.acquire() as db:
            newest = await masks.newest(db)
        if newest > self._erased:
            asked = [e for e in await masks.erasures(self.pool, newest - self._erased) if e.mask > self._erased]
            rows = [(self.follower.name, e.mask, e.device, e.subject, e.since, e.until) for e in asked]
            await self.pool.executemany(SQL.to_forget, rows)
            self._erased = newest

    async def _letters(self) -> Parcel | None:
        """Dead letters that were digested again lie at places that the cursor may have passed: they are told by place.

        Whole entries, so that what was told before is told, and counted, once more.
        """
        if self.follows != "archive" or clock.monotonic() - self._letters_looked_at < LETTERS_S:
            return None
        since = clock.now() - OVERLAP
        found = await self.pool.fetch(SQL.letters, self._letters_at, LETTERS_AT_ONCE)
        fresh = [row for row in found if row["id"] not in self._letters_told]
        self._letters_told = {row["id"] for row in found}
        if len(found) < LETTERS_AT_ONCE:
            self._letters_looked_at = clock.monotonic()
            self._letters_at = max(self._letters_at, since)
        else:
            self._letters_at = found[-1]["settled_at"]
        if not fresh:
            return None
        places = [(row["shard"], row["lane"], row["position"]) for row in fresh]
        return await self.feed.at(places, [row["settled_at"] for row in fresh])

    async def _commit(self, told: Told, stretch: Stretch) -> None:
        behind = stretch.behind
        name, places = self.follower.name, sorted(behind)
        shards, lanes = [shard for shard, _ in places], [lane for _, lane in places]
        olds, news = [self.at.get(place, 0) for place in places], [behind[place][0] for place in places]
        counts = (told.taken, told.merged, told.clamped, self._rate(told.taken), self._letters_at, stretch.told_upto)
        refused = [(name, r.reason, r.last.date(), r.first, r.last, r.count) for r in (*told.refused, *stretch.late)]
        async with self.pool.acquire() as tx, tx.transaction():
            if await tx.fetchval(SQL.tell, name, self.lease, *counts) is None:
                raise Taken
            moved = await tx.fetch(SQL.advance, name, shards, lanes, olds, news, [behind[p][1] for p in places])
            if len(moved) < len(places):
                raise Taken
            await tx.executemany(SQL.refuse, refused)
        self.at.update(zip(places, news, strict=True))
        self.lately.note(self.at)

    async def tell_lately_again(self) -> None:
        """When it is back, what it was told in the last minute before it was away."""
        stood = self.lately.stood()
        places = sorted(stood)
        given = (
            [p[0] for p in places],
            [p[1] for p in places],
            [stood[p] for p in places],
            [self.at[p] for p in places],
        )
        try:
            with translated():
                await self.pool.execute(SQL.lately, self.follower.name, *given)
        except TryLater:
            log.info("lately_not_noted", follower=self.follower.name)

    async def _commit_again(
        self, told: Told, at: Mapping[Place, int], behind: Mapping[Place, int], *, asked: bool
    ) -> None:
        """The same, of what was told once more: it is not counted again, but, where an operator asked, what is

        refused now. What was asked for meanwhile begins anew.
        """
        name, places = self.follower.name, sorted(behind)
        shards, lanes = [shard for shard, _ in places], [lane for _, lane in places]
        refused = [(name, r.reason, r.last.date(), r.first, r.last, r.count) for r in told.refused]
        counts = (0, 0, 0, self._rate(told.taken), self._letters_at, None)
        async with self.pool.acquire() as tx, tx.transaction():
            if await tx.fetchval(SQL.tell, name, self.lease, *counts) is None:
                raise Taken
            await tx.fetch(SQL.advance_again, name, shards, lanes, [at[p] for p in places], [behind[p] for p in places])
            if asked:
                await tx.executemany(SQL.refuse, refused)

    def _rate(self, taken: int) -> float:
        """A second, over the last minute."""
        now = clock.monotonic()
        self._told.append((now, taken))
        while len(self._told) > 2 and self._told[0][0] < now - RATE_OVER_S:
            self._told.popleft()
        return sum(count for _, count in list(self._told)[1:]) / max(now - self._told[0][0], 0.001)


async def pause(tx: Transaction, follower: str, now: datetime) -> bool:
    """Tell it nothing until it is resumed; its cursor waits. Whether there is such a follower."""
    return await tx.fetchval(SQL.pause, follower, now) is not None


async def resume(tx: Transaction, follower: str) -> bool:
    """Go on, at once. Whether there is such a follower."""
    return await tx.fetchval(SQL.resume, follower) is not None


async def again(tx: Transaction, follower: str, since: datetime) -> int | None:
    """Tell it once more what was received since then (from the beginning of a window): how many batches, beside what is new.

    None when there is no such follower.
    """
    follows = await tx.fetchval(SQL.known, follower)
    if follows is None:
        return None
    rows = await tx.fetch(SQL.again_audit if follows == "audit" else SQL.again, follower, since)
    return sum(int(row["entries"]) for row in rows)


async def states(pool: Pool, now: datetime) -> list[State]:
    """Every follower that was ever told, by name."""
    with translated():
        rows = await pool.fetch(SQL.followers, CONSUMER)
        refused = await pool.fetch(SQL.refusals)
    return [_state(row, [r for r in refused if r["follower"] == row["follower"]], now) for row in rows]


def _state(row: Any, refused: Sequence[Any], now: datetime) -> State:
    recent = row["told_at"] is not None and now - row["told_at"] < timedelta(seconds=RATE_OVER_S)
    given = {name: row[name] for name in COPIED}
    return State(
        **given,
        behind_s=max(0.0, (row["upto"] - row["since"]).total_seconds()) if row["waiting"] else 0.0,
        rate_per_s=round(row["rate_per_s"], 1) if recent else 0.0,
        refused=tuple(Refusal(r["reason"], r["first"], r["last"], r["count"]) for r in refused),
    )


COPIED = (
    "follower",
    "running",
    "waiting",
    "told",
    "merged",
    "clamped",
    "retries",
    "told_at",
    "last_error",
    "last_error_at",
    "retry_at",
    "paused_at",
    "again",
    "forgetting",
)


async def _rest(ended: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past the end."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
