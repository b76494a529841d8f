"""Dead letters digested again, as a path of its own: under their old order key and place, so that nothing counts twice.

The entry is read from the journal, since its headers say when and under which policy the item was collected.
"""

import uuid
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace as altered

from eucora.batch import Entry, Plan
from eucora.pipeline.dead_letters import SQL, Letter, by_id
from eucora.pipeline.enrich import Enriched, devices_of, enrich, subjects_of
from eucora.pipeline.house import House
from eucora.pipeline.normalise import Normal, normalise
from eucora.pipeline.route import route
from eucora.pipeline.store import absorb
from eucora.slice import Transaction
from eucora.stores.postgres import translated

MOST_AT_ONCE = 1_000
SENT_AGAIN = "unknown-dictionary"
"""Said by the door: the items come again, packed otherwise, and would then be there twice."""
WHOLE = ("unreadable", "items-mismatch", "unknown-dictionary")
"""Found by the digest, and of a whole batch though the door found nothing wrong with it."""


class Replayed(Struct, frozen=True):
    """What became of letters: stored now, failed again (with the reason of each), or not to be replayed at all."""

    replayed: tuple[uuid.UUID, ...] = ()
    failed: tuple[tuple[uuid.UUID, str], ...] = ()


async def replay(house: House, ids: Sequence[uuid.UUID]) -> Replayed:
    """Try letters again, each in a transaction of its own; at most MOST_AT_ONCE. Raises TryLater."""
    done: list[uuid.UUID] = []
    failed: list[tuple[uuid.UUID, str]] = []
    with translated():
        for letter in await by_id(house.app, ids[:MOST_AT_ONCE]):
            reason = await _replay_one(house, letter)
            if reason is None:
                done.append(letter.id)
            else:
                failed.append((letter.id, reason))
    return Replayed(tuple(done), tuple(failed))


async def _replay_one(house: House, letter: Letter) -> str | None:
    """None when it is stored now, else the reason."""
    entry = await _entry(house, letter)
    if entry is None or entry.body is None:
        return await _settle(house, letter, None, "the journal does not hold its body")
    verdict = "" if entry.verdict is None else entry.verdict.slug
    if verdict == SENT_AGAIN:
        return await _settle(house, letter, None, "its device sends the same items again by itself")
    whole = verdict != "" or letter.reason in WHOLE
    normal = normalise([_without_verdict(entry)], house.limits)
    wanted = [x for x in normal.items if whole or x.ordinal == letter.ordinal]
    dead = [x for x in normal.dead if whole or x.ordinal == letter.ordinal or not normal.items]
    if dead or not wanted:
        return await _settle(house, letter, None, dead[0].reason if dead else "the journal does not hold this item")
    chosen = Normal(wanted, [])
    known = await house.directory.look_up(devices_of(chosen), subjects_of(chosen))
    return await _settle(house, letter, enrich(chosen, known), "its person was erased")


async def _settle(house: House, letter: Letter, enriched: Enriched | None, reason: str) -> str | None:
    """Store the items and close the letter, or note the failure; both or neither."""
    plan = None
    if enriched is not None and enriched.items:
        plan = route(enriched.items, enriched.known, house.shapes)
    renamed = await house.shapes.settle()
    async with house.app.acquire() as tx, tx.transaction():
        if await tx.fetchval(SQL.lock_letter, letter.id, letter.received) is None:
            return "it was replayed already"
        failure = reason if plan is None else await _all_or_nothing(tx, plan, renamed, house)
        await tx.execute(SQL.settle_letter, letter.id, letter.received, "failed" if failure else "replayed")
    return failure


async def _all_or_nothing(tx: Transaction, plan: Plan, renamed: Mapping[int, int], house: House) -> str | None:
    """A letter of a whole batch is replayed whole: else its good items would count again the next time."""
    part = tx.transaction()
    await part.start()
    refused = await absorb(tx, plan, renamed, house)
    if refused:
        await part.rollback()
        return refused[0].reason
    await part.commit()
    return None


async def _entry(house: House, letter: Letter) -> Entry | None:
    """The letter's entry, by its place in the journal."""
    found = await house.journal.read({(letter.shard, letter.lane): letter.position - 1}, 1)
    entry = found[0] if found else None
    return entry if entry is not None and entry.position == letter.position else None


def _without_verdict(entry: Entry) -> Entry:
    """Judged anew: what the door refused then may be well now."""
    return altered(entry, verdict=None)
