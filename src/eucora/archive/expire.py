"""What is older than it may be goes: a file whose rows have all expired is replaced by nothing, and its object is deleted
with the others that were replaced. A file in which only lines of some kinds have expired is written again without them.

A file is taken whole: it waits for its youngest row. Nothing is asked of a mask: masks stay for ever.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

from eucora.archive.files import File, Gone
from eucora.archive.merge import rewrite
from eucora.archive.turn import turn
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Kind, Objects

SQL = load(__file__, "expire.sql")
FILES_A_TURN = 256
REWRITES_A_TURN = 8


class Bound(Struct, frozen=True):
    """Rows of a class, in files of one kind, may go that are older than `before`; None: none may.

    `lines`: which kinds of lines the class has; empty: all rows.
    """

    name: str
    kind: Kind
    before: datetime | None
    clock: Literal["received", "event"]
    lines: Collection[str] = ()


class Taken(Struct, frozen=True):
    """What went for a class: files or rows, and the times of events between which they lay."""

    name: str
    files: int
    rows: int
    since: datetime
    until: datetime


Tell: TypeAlias = Callable[[Transaction, Taken], Awaitable[None]]
"""Says so in the transaction in which they go."""


async def expire(pool: Pool, objects: Objects, epoch: int, bounds: Sequence[Bound], tell: Tell) -> int:
    """Take some of what has expired of one kind, oldest first; how many files were touched. 0: nothing is left, or
    another worker has the turn."""
    async with turn(pool) as db:
        if db is None:
            return 0
        return await _drop(db, bounds, tell) or await _thin(db, objects, epoch, bounds, tell)


async def _drop(db: Transaction, bounds: Sequence[Bound], tell: Tell) -> int:
    """Files of which every class has expired."""
    if any(bound.before is None for bound in bounds):
        return 0
    found = await _expired(db, bounds, None, FILES_A_TURN)
    if found:
        async with db.transaction():
            gone = await db.fetch(SQL.go, [file.object for file in found])
            if len(gone) != len(found):
                raise Gone
            await tell(db, _taken("+".join(sorted(bound.name for bound in bounds)), found))
    return len(found)


async def _thin(db: Transaction, objects: Objects, epoch: int, bounds: Sequence[Bound], tell: Tell) -> int:
    """Files of which one class has expired, and another has not."""
    if len(bounds) == 1:
        return 0
    touched = 0
    for bound in (b for b in bounds if b.before is not None):
        shapes = [row["shape"] for row in await db.fetch(SQL.shapes_of_kinds, list(bound.lines))]
        for file in await _expired(db, [bound], bound.name, REWRITES_A_TURN):
            await _without(db, objects, epoch, file, bound, shapes, tell)
            touched += 1
    return touched


async def _without(
    db: Transaction, objects: Objects, epoch: int, file: File, bound: Bound, shapes: Sequence[int], tell: Tell
) -> None:
    async def then(tx: Transaction, made: Sequence[File]) -> None:
        await tx.execute(SQL.without, [new.object for new in made], file.object, bound.name)
        if rows := file.rows - sum(new.rows for new in made):
            await tell(tx, Taken(bound.name, 0, rows, file.since, file.until))

    await rewrite(db, objects, epoch, [file], shapes, then)


async def _expired(db: Transaction, bounds: Sequence[Bound], name: str | None, most: int) -> list[File]:
    by_clock = {
        clock: min((b.before for b in bounds if b.before is not None and b.clock == clock), default=None)
        for clock in ("event", "received")
    }
    kind = bounds[0].kind
    return [
        File(**row) for row in await db.fetch(SQL.expired, kind, by_clock["event"], by_clock["received"], name, most)
    ]


def _taken(name: str, found: Sequence[File]) -> Taken:
    since, until = min(file.since for file in found), max(file.until for file in found)
    return Taken(name, len(found), sum(file.rows for file in found), since, until)
