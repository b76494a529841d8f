"""One answer to "is all well?": what is appended, what lags, which stores answer, how much room is left."""

import asyncio
import shutil
import uuid
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any

from litestar import get
from msgspec import Struct

from eucora import __version__
from eucora.domains.devices.view import SILENT
from eucora.operators.house import GivenHouse, Operators
from eucora.operators.meter import GivenMeter, Meter
from eucora.operators.statements import SQL
from eucora.operators.troubles import Trouble, away, troubles
from eucora.problems import EucoraError
from eucora.web.declare import declared
from eucora.web.given import GivenNow

PATIENCE_S = 2.0
CACHE_RESTS_S = 1.1


class Stage(Struct, frozen=True):
    """One stage of the line: how many entries it took a second in the last minute, and how many wait before it."""

    name: str
    entries_per_s: float
    waiting: int
    behind_s: float


class StoreHealth(Struct, frozen=True):
    """Whether a store answers now."""

    name: str
    healthy: bool
    detail: str = ""


class Window(Struct, frozen=True):
    """The archive's open window of arrival, and how many closed ones wait to be sealed."""

    number: int
    opened_at: datetime
    closed_waiting: int


class Disk(Struct, frozen=True):
    """Room where the data lies."""

    free_bytes: int
    total_bytes: int


class Status(Struct, frozen=True, kw_only=True):
    """`lag_entries`: acknowledged, not yet queryable. `reporting`: devices heard of in the last quarter of an hour."""

    version: str
    installation: uuid.UUID
    epoch: int
    healthy: bool
    lag_entries: int
    lag_s: float
    stages: tuple[Stage, ...]
    stores: tuple[StoreHealth, ...]
    devices: int
    revoked: int
    reporting: int
    forks: int
    dead_letters: int
    window: Window | None
    database_bytes: int
    disk: Disk
    audit_signed: int
    troubles: tuple[Trouble, ...]


@get("/status", opt=declared("status.read", "none"))
async def status(house: GivenHouse, meter: GivenMeter, now: GivenNow) -> Status:
    """What runs, what lags, what is full."""
    return await standing(house, meter, now)


async def standing(house: Operators, meter: Meter, now: datetime) -> Status:
    """How the platform stands. Raises EucoraError when it is not founded."""
    fleet = await house.counts.of(house.pool, now, SILENT)
    places, counts, s3, cache, matter = await asyncio.gather(
        house.pool.fetch(SQL.positions),
        house.pool.fetchrow(SQL.counts),
        _answers("s3", _objects(house)),
        _answers("cache", _cache(house)),
        troubles(house, now),
    )
    if counts is None:
        raise EucoraError("the platform is not founded; run eucora up")
    stores = (StoreHealth("postgresql", True, counts["server"]), s3, cache)
    matter = [*(away(store.name, store.detail) for store in stores if not store.healthy), *matter]
    stages = _stages(places, meter, now)
    usage = shutil.disk_usage(house.settings.data_dir)
    return Status(
        version=__version__,
        healthy=all(store.healthy for store in stores) and _digested(places, now),
        troubles=tuple(matter),
        lag_entries=stages[-1].waiting,
        lag_s=stages[-1].behind_s,
        stages=stages,
        stores=stores,
        window=_window(counts),
        disk=Disk(usage.free, usage.total),
        audit_signed=counts["audit_signed"] or 0,
        devices=fleet["enrolled"],
        revoked=fleet["revoked"],
        reporting=fleet["reporting"],
        **{name: counts[name] for name in COUNTED},
    )


COUNTED = (
    "installation",
    "epoch",
    "forks",
    "dead_letters",
    "database_bytes",
)


def _stages(places: Sequence[Any], meter: Meter, now: datetime) -> tuple[Stage, ...]:
    """Journal (nothing waits before it: an append is the acknowledgement) and digest."""
    appended, digested = meter.rates()
    late = [p for p in places if p["tip"] > p["position"]]
    waiting = sum(p["tip"] - p["position"] for p in late)
    behind_s = max((_behind_s(p, now) for p in late), default=0.0)
    return (
        Stage("journal", round(appended, 1), 0, 0.0),
        Stage("digest", round(digested, 1), waiting, round(behind_s, 1)),
    )


def _behind_s(place: Any, now: datetime) -> float:
    """From the last entry digested to the last one appended; since then, when none was digested yet."""
    since = place["received"] if place["position"] else place["tip_received"]
    upto = place["tip_received"] if place["position"] else now
    return max(0.0, float((upto - since).total_seconds()))


def _digested(places: Sequence[Any], now: datetime) -> bool:
    """Whether a worker holds every place."""
    return all(p["leased_until"] is not None and p["leased_until"] > now for p in places)


def _window(counts: Any) -> Window | None:
    if counts["window"] is None:
        return None
    return Window(counts["window"], counts["window_opened_at"], counts["windows_closed"])


async def _answers(name: str, question: Awaitable[bool]) -> StoreHealth:
    try:
        async with asyncio.timeout(PATIENCE_S):
            answered = await question
    except (EucoraError, TimeoutError, OSError) as exc:
        return StoreHealth(name, False, type(exc).__name__)
    return StoreHealth(name, answered, "" if answered else "does not answer")


async def _objects(house: GivenHouse) -> bool:
    await house.objects.get("status/never-there")
    return True


async def _cache(house: GivenHouse) -> bool:
    """Asked twice: it has 50 ms to answer, which a busy moment takes as well, and rests for a second when it did not."""
    if await house.cache.count("status", 60.0) is not None:
        return True
    await asyncio.sleep(CACHE_RESTS_S)
    return await house.cache.count("status", 60.0) is not None


ROUTES = (status,)
