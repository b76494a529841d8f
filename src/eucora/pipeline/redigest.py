"""Windows digested again, after a fix: the journal is read anew, and what it gives now stands in place of what stood there.

Rule 1: a stretch of windows is swapped whole, and counted, in one transaction; whoever is killed begins that stretch anew.
Rule 2: an entry that can't be opened any more, or of which an item was stored by itself since, is carried over as it is.
Rule 3: domains are told again what they know already, which changes nothing. Why so: docs/decisions/redigest.md.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from eucora.archive.drafts import Drafts, drafting, swap
from eucora.archive.turn import turn
from eucora.batch import DeadLetter, Entry
from eucora.ids import dead_letter_id
from eucora.journal.port import Journal, Place
from eucora.pipeline import dead_letters
from eucora.pipeline.enrich import devices_of, enrich, subjects_of
from eucora.pipeline.house import House
from eucora.pipeline.normalise import normalise
from eucora.pipeline.route import route
from eucora.pipeline.store import absorb
from eucora.problems import Refused, TryLater
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = load(__file__, "redigest.sql")
ENTRIES_AT_ONCE = 500
ENTRIES_A_STEP = 50_000
"""A step holds no more than this, but at least a window; its drafts lie on disk."""
WINDOWS_A_STEP = 200

log = structlog.get_logger()


class Redigest(Struct, frozen=True, kw_only=True):
    """What was asked and how it stands. `first`, `last`: windows; `next`: the first that is still to do.

    `entries`: digested again; `carried`: left as they were; `dead`, `mended`: letters made, and closed, by it.
    """

    redigest: int
    since: datetime
    until: datetime
    first: int
    last: int
    next: int
    asked_at: datetime
    done_at: datetime | None
    entries: int
    carried: int
    items: int
    dead: int
    mended: int


Tell = Callable[[Transaction, Redigest], Awaitable[None]]


async def ask(tx: Transaction, since: datetime, until: datetime, now: datetime) -> Redigest:
    """What was digested in [since, until) is to be digested again. Raises Refused when nothing was."""
    row = await tx.fetchrow(SQL.ask, since, until, now)
    if row is None:
        raise Refused("unknown", "nothing was digested in that time")
    return Redigest(**row)


async def redigests(pool: Pool, before: int | None, limit: int) -> list[Redigest]:
    """What was asked, newest first."""
    with translated():
        return [Redigest(**row) for row in await pool.fetch(SQL.listed, before, limit)]


async def one(pool: Pool, number: int) -> Redigest | None:
    with translated():
        row = await pool.fetchrow(SQL.one, number)
    return None if row is None else Redigest(**row)


@dataclass
class Tally:
    """What a step did so far."""

    entries: int = 0
    carried: int = 0
    items: int = 0
    dead: int = 0
    mended: list[tuple[uuid.UUID, datetime]] = field(default_factory=list)

    def counts(self) -> tuple[int, ...]:
        return (self.entries, self.carried, self.items, self.dead, len(self.mended))


async def work(house: House, objects: Objects, epoch: int, tell: Tell) -> int:
    """Every step that can be done now; how many. `tell` is in the transaction that ends one. Raises TryLater."""
    steps = 0
    while await step(house, objects, epoch, tell):
        steps += 1
    return steps


async def step(house: House, objects: Objects, epoch: int, tell: Tell) -> bool:
    """The next stretch of windows; False when there is none, or it is not sealed yet, or another has the turn."""
    async with turn(house.app) as db:
        due = None if db is None else await db.fetchrow(SQL.due)
        if db is None or due is None:
            return False
        upto, ranges = stretch(await db.fetch(SQL.windows, due["next"], due["last"], WINDOWS_A_STEP), due["last"])
        if upto is None:
            return False
        tally = Tally()

        async def then(tx: Transaction) -> None:
            await _settle(tx, due["redigest"], upto, tally, tell)

        async with drafting(db) as drafts:
            floors = {(row["shard"], row["lane"]): row["position"] for row in await db.fetch(SQL.floors)}
            for place, (after, end) in ranges.items():
                begin = min(end, max(after, floors.get(place, 0)))
                tally.carried += begin - after
                async for entries in _read(house.journal, place, begin, end):
                    await _digest(house, db, drafts, entries, tally)
            await swap(drafts, objects, epoch, due["next"], upto, then)
    log.info("digested_again", redigest=due["redigest"], first=due["next"], last=upto, entries=tally.entries)
    return True


def stretch(windows: Sequence[Any], last: int) -> tuple[int | None, dict[Place, tuple[int, int]]]:
    """The last of the windows to do at once, None when the first is not sealed; and their positions, a range a place.

    Neighbouring windows continue each other's ranges.
    """
    if not windows:
        return last, {}
    upto, ranges, entries = None, dict[Place, tuple[int, int]](), 0
    for row in windows:
        own = _ranges(row["ranges"])
        entries += sum(end - after for after, end in own.values())
        if row["state"] != "sealed" or (upto is not None and entries > ENTRIES_A_STEP):
            break
        upto = row["window"]
        ranges |= {place: (ranges.get(place, given)[0], given[1]) for place, given in own.items()}
    return upto, ranges


def _ranges(text: str | None) -> dict[Place, tuple[int, int]]:
    found = _places.decode(text or "{}")
    return {(int(shard), int(lane)): ends for name, ends in found.items() for shard, lane in [name.split("/")]}


_places = msgspec.json.Decoder(dict[str, tuple[int, int]])


async def _read(journal: Journal, place: Place, after: int, upto: int) -> AsyncIterator[list[Entry]]:
    while after < upto:
        entries = await journal.read({place: after}, min(ENTRIES_AT_ONCE, upto - after))
        if not entries:
            raise TryLater("journal-unavailable", "entries of a sealed window are not there")
        yield entries
        after = entries[-1].position


async def _digest(house: House, db: Transaction, drafts: Drafts, entries: Sequence[Entry], tally: Tally) -> None:
    """Some neighbours of one place, as the digest would today."""
    letters = await _letters(db, entries)
    apart = {row["position"] for row in letters if row["state"] == "replayed"}
    again = [entry for entry in entries if entry.body is not None and entry.position not in apart]
    normal = normalise(again, house.limits)
    enriched = enrich(normal, await house.directory.look_up(devices_of(normal), subjects_of(normal)))
    plan = route(enriched.items, enriched.known, house.shapes)
    renamed = await house.shapes.settle()
    known = {row["id"] for row in letters}
    async with db.transaction():
        dead = [*enriched.dead, *await absorb(db, plan, renamed, house, drafts.write)]
        fresh = [letter for letter in dead if _id(letter) not in known]
        await dead_letters.write(db, house.keyring, fresh, again=True)
    drafts.of((entry.shard, entry.lane, entry.position) for entry in again)
    received = {entry.position: entry.received for entry in again}
    still = {_id(letter) for letter in dead}
    tally.mended += [
        (row["id"], row["received"])
        for row in letters
        if row["state"] in ("open", "failed")
        and row["id"] not in still
        and received.get(row["position"]) == row["received"]
    ]
    tally.entries += len(again)
    tally.carried += len(entries) - len(again)
    tally.items += len(enriched.items)
    tally.dead += len(fresh)


async def _letters(db: Transaction, entries: Sequence[Entry]) -> list[Any]:
    first, last = entries[0], entries[-1]
    times = [entry.received for entry in entries]
    ends = (first.position, last.position, min(times), max(times))
    return list(await db.fetch(SQL.letters_of, first.shard, first.lane, *ends))


def _id(letter: DeadLetter) -> uuid.UUID:
    return dead_letter_id(letter.stream, letter.ordinal)


async def _settle(tx: Transaction, number: int, upto: int, tally: Tally, tell: Tell) -> None:
    """Letters, progress and, at the end, the audit event: with the swap, or not at all."""
    ids, received = [each for each, _ in tally.mended], [at for _, at in tally.mended]
    if len(await tx.fetch(SQL.mend, ids, received)) != len(ids):
        raise TryLater("store-unavailable", "a dead letter was replayed meanwhile")
    row = await tx.fetchrow(SQL.advance, number, upto, *tally.counts())
    if row is None:
        raise TryLater("store-unavailable", "this stretch was done by another")
    if row["done_at"] is not None:
        await tell(tx, Redigest(**row))
