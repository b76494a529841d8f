"""Retention at work: whatever has expired goes, some at a time, and each time the audit trail says what.

Everything goes whole: files, objects, partitions; so a class is kept for at least its period, and goes when the youngest
of its file, month or segment has expired. Each step takes and tells in one transaction; what is then still to do (deleting
objects) is done again by whoever comes next. Why each goes as it does: docs/decisions/retention.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eucora.archive import expire as archive
from eucora.archive.expire import Bound, Taken
from eucora.domains.audit import Act, age_out, record
from eucora.governance.classes import LINES, Table
from eucora.journal import expire as journal
from eucora.journal.founding import forget_digests
from eucora.problems import EucoraError
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = load(__file__, "enforce.sql")
ROWS_A_TURN = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keeper:
    """What retention works on. `pool` is the application's role, `audit` the key that signs heads of the trail."""

    pool: Pool
    objects: Objects
    epoch: int
    audit: Ed25519PrivateKey
    table: Table


Step: TypeAlias = Callable[[Keeper, datetime], Awaitable[int]]


async def enforce(keeper: Keeper, now: datetime) -> int:
    """One turn over every class; how many files, segments, months and rows went. Raises the first failure, after all."""
    gone, failed = 0, list[EucoraError]()
    for step in STEPS:
        try:
            with translated():
                gone += await step(keeper, now)
        except EucoraError as exc:
            log.warning("retention_step_failed", step=step.__name__, reason=type(exc).__name__)
            failed.append(exc)
    if failed:
        raise failed[0]
    return gone


def bounds(table: Table, now: datetime) -> tuple[Sequence[Bound], ...]:
    """What may go of the archive, for each kind of file."""

    def bound(name: str, kind: Any, lines: tuple[str, ...] = ()) -> Bound:
        return Bound(name, kind, table[name].before(now), table[name].clock, lines)

    lines = [bound(name, "lines", tuple(k for k, of in LINES.items() if of == name)) for name in ("logs", "inventory")]
    return [bound("metrics", "metrics")], lines, [bound("traces", "spans")]


async def files(keeper: Keeper, now: datetime) -> int:
    """Metrics, logs and traces in the archive."""

    async def tell(tx: Transaction, taken: Taken) -> None:
        detail = {"files": taken.files, "rows": taken.rows, **_between(taken.since, taken.until)}
        await _tell(tx, now, taken.name, "archive", detail)

    return sum(
        [
            await archive.expire(keeper.pool, keeper.objects, keeper.epoch, some, tell)
            for some in bounds(keeper.table, now)
        ]
    )


async def segments(keeper: Keeper, now: datetime) -> int:
    """Entries as devices signed them."""

    async def tell(tx: Transaction, taken: Any) -> None:
        detail = {"segments": taken["segments"], "bytes": taken["bytes"], **_between(taken["since"], taken["until"])}
        await _tell(tx, now, "segments", "s3", detail)

    return await journal.expire(keeper.pool, keeper.objects, keeper.table["segments"].before(now), tell)


async def digests(keeper: Keeper, now: datetime) -> int:
    """Digests of used sequences, by days."""
    before = keeper.table["journal"].before(now)
    if before is None:
        return 0
    day = before.astimezone(UTC).date()
    async with keeper.pool.acquire() as tx, tx.transaction():
        days = await forget_digests(tx, day)
        if days:
            await _tell(tx, now, "journal", "postgresql", {"days": days, "before": str(day)})
    return days


async def dead_letters(keeper: Keeper, now: datetime) -> int:
    """Items that could not be stored, by months; none that the digest may still find again."""
    before = keeper.table["dead_letters"].before(now)
    behind = await keeper.pool.fetchval(SQL.behind)
    return await _months(keeper, "dead_letters", "dead_letters", min(before, behind or before) if before else None, now)


async def sessions(keeper: Keeper, now: datetime) -> int:
    """Sessions, by the months in which they began."""
    return await _months(keeper, "inventory", "sessions", keeper.table["inventory"].before(now), now)


async def superseded(keeper: Keeper, now: datetime) -> int:
    """What was true of a device and is no more: rows, since what is true now lies between them."""
    return await _some(keeper, "inventory", SQL.forget_superseded, now)


async def incidents(keeper: Keeper, now: datetime) -> int:
    """Incidents that are over."""
    return await _some(keeper, "incidents", SQL.forget_incidents, now)


async def _some(keeper: Keeper, name: str, forget: str, now: datetime) -> int:
    """Some rows of a class, by a statement that takes the moment and how many."""
    before = keeper.table[name].before(now)
    if before is None:
        return 0
    async with keeper.pool.acquire() as tx, tx.transaction():
        (gone,) = await tx.fetch(forget, before, ROWS_A_TURN)
        if gone["rows"]:
            await _tell(tx, now, name, "postgresql", _rows(gone))
    return int(gone["rows"])


async def trail(keeper: Keeper, now: datetime) -> int:
    """The audit trail, by months."""
    before = keeper.table["audit"].before(now)
    if before is None:
        return 0

    async def tell(tx: Transaction, gone: Any) -> None:
        if gone["rows"]:
            await _tell(tx, now, "audit", "postgresql", _rows(gone))

    return await age_out(keeper.pool, keeper.objects, keeper.audit, now, before, tell)


STEPS: Sequence[Step] = (files, segments, digests, dead_letters, sessions, superseded, incidents, trail)


async def _months(keeper: Keeper, name: str, parent: str, before: datetime | None, now: datetime) -> int:
    """The oldest month of a table, when all of it has expired."""
    if before is None:
        return 0
    async with keeper.pool.acquire() as tx, tx.transaction():
        gone = await tx.fetchrow(SQL.drop_month, parent, before)
        if gone is None:
            return 0
        if gone["rows"]:
            await _tell(tx, now, name, "postgresql", {"table": parent, **_rows(gone)})
    return 1


async def _tell(tx: Transaction, now: datetime, name: str, store: str, detail: dict[str, Any]) -> None:
    log.info("retention_expired", retention_class=name, store=store, **detail)
    act = Act(
        act="retention.expired",
        audit_class="lifecycle",
        actor_kind="platform",
        actor="retention",
        detail={"class": name, "store": store, **detail},
    )
    await record(tx, now, [act])


def _rows(gone: Any) -> dict[str, Any]:
    return {"rows": gone["rows"], **_between(gone["since"], gone["until"])}


def _between(since: datetime | None, until: datetime | None) -> dict[str, str]:
    return {
        name: moment.astimezone(UTC).isoformat()
        for name, moment in (("since", since), ("until", until))
        if moment is not None
    }
