"""What is really in force, class by class and store by store: the oldest row of ours, and what a live server says of itself.

A server that can't be asked is not well: what nobody has read back is not known to be in force.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
from msgspec import Struct

from eucora.governance.classes import LONGEST_DAYS, Class, Clock, Table
from eucora.problems import EucoraError
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.durations import duration
from eucora.stores.ports import Finding, Follower, Kind

SQL = load(__file__, "kept.sql")

FILES: Mapping[str, Kind] = {"metrics": "metrics", "logs": "lines", "traces": "spans", "inventory": "lines"}
ROWS = ("dead_letters", "audit", "journal", "segments", "inventory", "incidents")
MONTHS = ("dead_letters", "audit", "inventory")
"""Kept in months that go whole."""
TURN = timedelta(days=1)
"""In which everything that has expired is gone, when stores answer."""

SERVERS = {
    "prometheus": ("retention", "start it with --storage.tsdb.retention.time={days}d"),
    "loki": ("retention", "set limits_config.retention_period to {days}d"),
    "loki-audit": (
        "retention_audit",
        'set a rule of {days}d for {{service_name="eucora-audit"}} in limits_config.retention_stream',
    ),
    "tempo": ("retention", "set every block_retention to {hours}h"),
}
"""What a server calls it among its findings, and how to mend it."""


class Kept(Struct, frozen=True, kw_only=True):
    """One class in one store. `days`: as set; None: held, for ever. `oldest`: the oldest that is there, where we know.

    `goes_at`: when that is gone, or of a server: when what is older than is set will be gone.
    """

    name: str
    covers: str
    store: str
    days: int | None
    clock: Clock
    in_force: str
    well: bool
    oldest: datetime | None = None
    goes_at: datetime | None = None
    mend: str = ""


async def kept(pool: Pool, followers: Sequence[Follower], table: Table, now: datetime) -> tuple[Kept, ...]:
    """Every class in every store that it has."""
    (rows,) = await pool.fetch(SQL.oldest)
    files = {row["kind"]: row for row in await pool.fetch(SQL.oldest_file)}
    said = {follower.name: await _said(follower) for follower in followers}
    return tuple(
        _of_server(name, each, store, said, now)
        if store in SERVERS
        else _of_ours(name, each, store, _oldest(name, each, store, rows, files), now)
        for name, each in table.items()
        for store in each.stores
    )


async def findings(pool: Pool, followers: Sequence[Follower], table: Table, now: datetime) -> tuple[Finding, ...]:
    """The same for `eucora doctor`: one a class and store."""
    return tuple(
        Finding(f"retention_{each.name}_{each.store}", "well" if each.well else "wrong", each.in_force, each.mend)
        for each in await kept(pool, followers, table, now)
    )


Said: TypeAlias = Mapping[str, str] | None
"""A server's findings by name; None: it did not answer."""


async def _said(follower: Follower) -> Said:
    try:
        return {finding.name: finding.found for finding in await follower.inspect()}
    except EucoraError:
        return None


def _oldest(
    name: str, each: Class, store: str, rows: Mapping[str, datetime | None], files: Mapping[str, Mapping[str, datetime]]
) -> datetime | None:
    if store == "archive":
        file = files.get(FILES[name])
        return None if file is None else file[each.clock]
    return rows[name] if name in ROWS else None


def _of_ours(name: str, each: Class, store: str, oldest: datetime | None, now: datetime) -> Kept:
    """A store that the platform itself keeps clean."""
    row = _row(name, each, store)
    if store != "archive" and name not in ROWS:
        said = "in memory, the newest only" if store == "memory" else "nothing of it is stored yet"
        return msgspec.structs.replace(row, in_force=said)
    if oldest is None:
        return msgspec.structs.replace(row, in_force="no file yet" if store == "archive" else "nothing is old yet")
    in_force = f"the oldest is {(now - oldest).days} days old"
    if each.hold:
        return msgspec.structs.replace(row, in_force=in_force, oldest=oldest)
    goes_at = (_end_of_month(oldest) if name in MONTHS else oldest) + timedelta(days=each.days) + TURN
    late = goes_at < now
    mend = "see retention_step_failed in the pipeline's log" if late else ""
    return msgspec.structs.replace(row, in_force=in_force, oldest=oldest, goes_at=goes_at, well=not late, mend=mend)


def _of_server(name: str, each: Class, store: str, said: Mapping[str, Said], now: datetime) -> Kept:
    """A server that keeps itself clean, by a configuration that we can only read."""
    row, server = _row(name, each, store), store.partition("-")[0]
    if server not in said:
        return msgspec.structs.replace(row, in_force="no such server follows the archive")
    finding, mend = SERVERS[store]
    days = LONGEST_DAYS if each.hold else each.days
    mend = mend.format(days=days, hours=24 * days)
    told = said[server]
    if told is None or finding not in told:
        return msgspec.structs.replace(row, in_force="it does not say", well=False, mend=mend)
    period = duration(told[finding])
    well = period == timedelta(days=days) or (each.hold and period == timedelta(0))
    goes_at = now + _lives_on(store, period) if well and not each.hold else None
    in_force = f"{period / timedelta(days=1):g} days" if period else "for ever"
    return msgspec.structs.replace(row, in_force=in_force, well=well, goes_at=goes_at, mend="" if well else mend)


def _lives_on(store: str, period: timedelta) -> timedelta:
    """How long what is older is still there after a period was made shorter: servers delete what they wrote together."""
    if store == "prometheus":  # a block spans a tenth of the retention, and 31 days at most
        return min(period / 10, timedelta(days=31)) + TURN
    return TURN


def _end_of_month(moment: datetime) -> datetime:
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _row(name: str, each: Class, store: str) -> Kept:
    return Kept(
        name=name,
        covers=each.covers,
        store=store,
        days=None if each.hold else each.days,
        clock=each.clock,
        in_force="",
        well=True,
    )
