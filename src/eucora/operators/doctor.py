"""What is wrong, and how to mend it: this machine, the stores, and every server that follows, all asked at once.

A store that can't be asked is a finding like any other; nothing here names a secret or a person.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from litestar import get
from msgspec import Struct

from eucora import clock
from eucora.operators.house import GivenHouse, Operators
from eucora.operators.statements import SQL
from eucora.problems import EucoraError
from eucora.settings import Settings, reserve_of
from eucora.stores.ports import Finding, Follower, finding
from eucora.web.declare import declared
from eucora.web.given import GivenNow

PATIENCE_S = 8.0
NEAR = timedelta(days=14)
SKEW = timedelta(seconds=2)
LAG = timedelta(minutes=5)
UNSIGNED = timedelta(minutes=15)
AHEAD = timedelta(seconds=5)
LEAST_POSTGRES = 150_000
CONNECTIONS = 60
"""What the pools of every role open at most, beside the server's own three."""
SERIES_A_DEVICE = 25
"""A laptop with some volumes, sensors and a battery, its programs aside."""
MOST_SERIES = 1_000_000
PROBE = "doctor/probe"


class Told(Struct, frozen=True):
    """Findings about one part: `machine`, a store, a follower."""

    part: str
    findings: tuple[Finding, ...]


Check: TypeAlias = Callable[[], Awaitable[Sequence[Finding]]]


@get("/doctor", opt=declared("status.read", "none"))
async def doctor(house: GivenHouse, now: GivenNow) -> list[Told]:
    """Every part, and what is wrong with it."""
    return await examine(house, now)


async def examine(house: Operators, now: datetime, parts: Sequence[str] | None = None) -> list[Told]:
    """All checks, or those of some parts, at once; each has some seconds."""
    checks: dict[str, Check] = {
        "postgresql": lambda: _gathered(_postgres(house, now)),
        "line": lambda: _gathered(_line(house, now)),
        "s3": lambda: _s3(house),
        "cache": lambda: _cache(house),
        "retention": lambda: house.retention(now),
        **({"series": lambda: _series(house)} if house.settings.metrics_url else {}),
        **{follower.name: _inspect(follower) for follower in house.followers},
    }
    wanted = [(part, check) for part, check in checks.items() if parts is None or part in parts]
    found = await asyncio.gather(*(_asked(part, check) for part, check in wanted))
    return [Told("machine", tuple(machine(house.settings, now))), *found]


async def _asked(part: str, check: Check) -> Told:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return Told(part, tuple(await check()))
    except (EucoraError, OSError) as exc:
        said = str(exc) if isinstance(exc, EucoraError) else type(exc).__name__
    except TimeoutError:
        said = f"no answer within {PATIENCE_S:g} s"
    mend = "see that it runs and can be reached from here; nothing is lost, it is told when it is back"
    return Told(part, (Finding("answers", "wrong", said, mend),))


def machine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """This machine's files: what needs no server. `eucora doctor` asks this too when the platform is down."""
    data = settings.data_dir
    if not data.is_dir():
        yield Finding("data_directory", "wrong", f"{data} is not there", "run eucora up, or set EUCORA_DATA_DIR")
        return
    yield from _certificates(data, now)
    yield from _secrets(data / "secrets")
    usage = shutil.disk_usage(data)
    reserve = reserve_of(settings.disk_reserve_mib, usage.total)
    yield finding(
        "disk",
        usage.free > 2 * reserve,
        f"{usage.free / 2**30:.1f} GiB free, the reserve is {reserve / 2**30:.1f} GiB",
        "make room: below the reserve the door answers 503, and agents keep their data until there is room",
    )


def _certificates(data: Path, now: datetime) -> Iterator[Finding]:
    for name, path, mend in (
        ("server_certificate", data / "tls" / "server.pem", "restart eucora up: it makes a new one at start"),
        (
            "authority",
            data / "authority" / "ca.pem",
            "see docs/guides/operator.md: put a second authority beside it",
        ),
    ):
        try:
            ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as exc:
            yield Finding(
                name, "wrong", f"{path.name} can't be read ({type(exc).__name__})", "restore it from a backup"
            )
            continue
        yield finding(name, ends - now > NEAR, f"ends {ends:%Y-%m-%d %H:%M} UTC", f"it ends soon: {mend}")


def _secrets(folder: Path) -> Iterator[Finding]:
    open_to_others = [p.name for p in sorted(folder.glob("*")) if stat.S_IMODE(p.stat().st_mode) & 0o077]
    yield finding(
        "secrets",
        not open_to_others,
        ", ".join(open_to_others) if open_to_others else "readable by their owner alone",
        f"chmod 600 {' '.join(open_to_others)} in {folder}, and think who may have read them",
    )
    if hasattr(os, "geteuid") and not list(folder.glob("wrapping.key")):
        yield Finding("wrapping_key", "wrong", "missing", "restore secrets/ from your backup: sealed data stays sealed")


async def _gathered(found: AsyncIterator[Finding]) -> list[Finding]:
    return [each async for each in found]


async def _postgres(house: Operators, now: datetime) -> AsyncIterator[Finding]:
    before = clock.now()
    row = await house.pool.fetchrow(SQL.health)
    assert row is not None
    skew = abs(row["now"] - (before + (clock.now() - before) / 2))
    yield finding("version", row["version"] >= LEAST_POSTGRES, row["server"], "PostgreSQL 15 or later is needed")
    for name in ("fsync", "full_page_writes"):
        yield finding(
            name, row[name] == "on", row[name], f"set {name} = on: acknowledged data is lost in a power cut, else"
        )
    yield finding(
        "connections",
        row["most"] >= CONNECTIONS,
        f"{row['used']} of {row['most']} in use",
        f"set max_connections to {CONNECTIONS} at least",
    )
    yield finding(
        "clock",
        skew <= SKEW,
        f"{skew.total_seconds():.1f} s apart",
        "let chrony or systemd-timesyncd keep the time on this machine and on the database's",
    )
    yield finding(
        "partitions",
        row["tomorrow"],
        "there for tomorrow" if row["tomorrow"] else "none for tomorrow",
        "see job_failed partitions in the pipeline's log: without it nothing is taken after midnight (UTC)",
    )
    oldest = row["oldest"] or timedelta(0)
    yield finding(
        "long_transactions",
        oldest < timedelta(hours=1),
        f"the oldest is {oldest.total_seconds():.0f} s old",
        "end it (pg_terminate_backend): it keeps dead rows alive",
    )


async def _line(house: Operators, now: datetime) -> AsyncIterator[Finding]:
    row = await house.pool.fetchrow(SQL.line, now)
    assert row is not None
    yield finding(
        "digest",
        row["held"] == row["places"],
        f"{row['held']} of {row['places']} places held",
        "start the pipeline: what is acknowledged waits in the journal, nothing is lost",
    )
    ahead = max((row["newest"] or now) - now, timedelta(0))
    yield finding(
        "arrival",
        ahead < AHEAD,
        f"the newest batch arrived {ahead.total_seconds():.0f} s from now" if ahead else "not from the future",
        "this machine's clock was set back: let chrony or systemd-timesyncd keep it",
    )
    lag = row["lag"] or timedelta(0)
    yield finding(
        "lag",
        lag < LAG,
        f"{lag.total_seconds():.0f} s",
        "it mends itself once less comes in; when it does not, give the pipeline a core: eucora status shows its rate",
    )
    yield finding(
        "dead_letters",
        row["dead_letters"] == 0,
        str(row["dead_letters"]),
        "eucora deadletters says why each could not be stored, and replays it when that is mended",
    )
    yield finding(
        "forks",
        row["forks"] == 0,
        str(row["forks"]),
        "two machines may present one identity: eucora clones shows which, eucora clones close says what it was",
    )
    yield finding(
        "windows",
        row["windows"] <= 2,
        f"{row['windows']} closed and not files yet",
        "see window_not_sealed or job_failed compact in the pipeline's log: the object store may be away",
    )
    signed = row["signed_at"]
    behind = now - signed if signed is not None else timedelta(0)
    yield finding(
        "audit_head",
        behind < UNSIGNED or row["unsigned"] == 0,
        f"signed {signed:%Y-%m-%d %H:%M} UTC" if signed else "not signed yet",
        "see job_failed audit_head in the pipeline's log: the newest events are not signed",
    )


async def _series(house: Operators) -> list[Finding]:
    """Whose series a metrics server should be told. What it holds now stands with the server itself."""
    devices = await house.pool.fetchval(SQL.enrolled)
    return [series(house.settings.metrics_series, devices)]


def series(told: str, devices: int) -> Finding:
    """A fleet's series against what a usual server holds well."""
    wanted = devices * SERIES_A_DEVICE
    found = f"{devices:,} devices would be about {wanted:,} series, {MOST_SERIES:,} are held well; told is: {told}"
    fits = wanted <= MOST_SERIES
    if told == "cohort":
        hint = "; EUCORA_METRICS_SERIES=device would show each device, and fit" if fits else ""
        return Finding("choice", "well", found + hint)
    mend = (
        "set EUCORA_METRICS_SERIES=cohort: aggregates by system, model, site and version; the archive keeps each device"
    )
    return finding("choice", fits, found, mend)


async def _s3(house: Operators) -> list[Finding]:
    body = os.urandom(32)
    await house.objects.put(PROBE, body)
    back = await house.objects.get(PROBE)
    await house.objects.delete(PROBE)
    mend = "it does not give back what was written: look at its log before anything else"
    return [finding("write_and_read", back == body, "read back equal" if back == body else "read back otherwise", mend)]


async def _cache(house: Operators) -> list[Finding]:
    for _ in range(2):  # it rests for a second when it did not answer
        if await house.cache.count("doctor", 60.0) is not None:
            return [Finding("answers", "well", "answers")]
        await asyncio.sleep(1.1)
    mend = "start Valkey, or mend EUCORA_REDIS_URL; nothing is lost without it, limits are each process's own"
    return [Finding("answers", "wrong", "does not answer", mend)]


def _inspect(follower: Follower) -> Check:
    async def inspected() -> Sequence[Finding]:
        return await follower.inspect()

    return inspected


ROUTES = (doctor,)
