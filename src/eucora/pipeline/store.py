"""Stage 6. Domains, archive, dead letters, cursor: one transaction, so that the effect is there exactly once.

Rule 1: the cursors move first; who does not hold them any more writes nothing. Rule 2: only data that PostgreSQL refuses
for ever makes a dead letter; everything else rolls back and is tried again.
"""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from eucora.archive import rows
from eucora.archive.rows import Row
from eucora.batch import DeadLetter, Entry, Item, Plan
from eucora.journal.account import account
from eucora.journal.cursors import Moves, advance
from eucora.pipeline import dead_letters, outcomes, traced
from eucora.pipeline.enrich import Enriched
from eucora.pipeline.house import CONSUMER, House
from eucora.pipeline.route import route
from eucora.slice import Transaction
from eucora.stores.postgres import translated
from eucora_wire import payload as wire


@dataclass(frozen=True, slots=True)
class Committed:
    """What is queryable now."""

    items: int
    dead: int
    devices: frozenset[uuid.UUID]


async def store(
    enriched: Enriched, entries: Sequence[Entry], moves: Moves, lease: uuid.UUID, house: House, found: traced.Sampled
) -> Committed:
    """Raises Zombie when the places are not held any more, TryLater when PostgreSQL is away."""
    plan = route(enriched.items, enriched.known, house.shapes)
    with translated():
        renamed = await house.shapes.settle()
        async with house.app.acquire() as tx, tx.transaction():
            await advance(tx, CONSUMER, lease, moves)
            # Cursor and rows are lost together, and the journal has them still: no need to wait for the disk.
            await tx.execute("SET LOCAL synchronous_commit = off")
            await account(tx, entries)
            refused = await absorb(tx, plan, renamed, house)
            dead = [*enriched.dead, *refused]
            await dead_letters.write(tx, house.keyring, dead)
            await dead_letters.settle_resent(tx, enriched.resent)
            await traced.keep(tx, found)
    return Committed(len(enriched.items) - len(refused), len(dead), frozenset(x.device for x in enriched.items))


Write: TypeAlias = Callable[
    [Transaction, Sequence[Row], Sequence[Row], Sequence[Row], Mapping[int, int]], Awaitable[None]
]
"""Where rows of metrics, lines and spans go: `rows.write`, but for a range that is digested again."""


async def absorb(
    tx: Transaction, plan: Plan, renamed: Mapping[int, int], house: House, write: Write = rows.write
) -> list[DeadLetter]:
    """Let slices and archive take their parts. A data error halves the batch until the item is alone."""
    if not plan.items:
        return []
    try:
        async with tx.transaction():
            for part in house.slices:
                await part.absorb(plan, tx)
            await outcomes.count(plan, tx)
            await write(tx, plan.metrics, plan.lines, plan.spans, renamed)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError) as exc:
        if not is_data_error(exc):
            raise
        if len(plan.items) == 1:
            return [_letter(plan.items[0], exc)]
    else:
        return []
    return [letter for half in halves(plan, house) for letter in await absorb(tx, half, {}, house, write)]


def halves(plan: Plan, house: House) -> Iterable[Plan]:
    """The plan cut in two; its shapes are known by now."""
    middle = len(plan.items) // 2
    return [route(part, plan.known, house.shapes) for part in (plan.items[:middle], plan.items[middle:])]


def is_data_error(exc: BaseException) -> bool:
    """Whether it is the data that can never be stored: SQLSTATE class 22 or 23, or a value that no type can hold."""
    if isinstance(exc, asyncpg.PostgresError):
        return str(exc.sqlstate)[:2] in ("22", "23")
    return isinstance(exc, ValueError | OverflowError)


def _letter(item: Item, exc: BaseException) -> DeadLetter:
    # The message of the server may repeat the value; its class does not.
    detail = str(getattr(exc, "sqlstate", None) or type(exc).__name__)
    return DeadLetter(
        item.stream,
        item.stream_number,
        item.ordinal,
        item.device,
        item.subject,
        item.shard,
        item.lane,
        item.position,
        item.received,
        "store-refused",
        "$",
        detail,
        item.key_no,
        wire.encode_one(item.payload),
    )
