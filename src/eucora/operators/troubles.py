"""What is the matter, in words: what happened, what is safe, what mends itself, what to type. Found within seconds.

Each is a finding of the doctor that is wrong, or something that only the whole shows: a server that follows and waits,
devices that fell silent, batches that are turned away. Runbooks: docs/guides/runbooks.md.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from eucora.domains.devices.view import SILENT
from eucora.domains.drift.queries import lasting
from eucora.journal.holes import of_fleet
from eucora.operators.doctor import examine, machine
from eucora.operators.house import Operators
from eucora.operators.statements import SQL
from eucora.pipeline.followers import State, states
from eucora.settings import Settings
from eucora.stores.postgres import translated

REFUSED = timedelta(minutes=15)
AWAITED = timedelta(hours=1)
DRIFTED = timedelta(minutes=30)
BEHIND_S = 300.0
PARTS = ("postgresql", "line")
"""Of the doctor's, beside this machine, those that answer at once and write nothing."""

RESTART = "see that it runs and can be reached from here: eucora doctor, and its log in the data directory"
JOURNAL = "What is acknowledged is committed to the journal, with fsync."
AGENTS = "Agents keep their data, and send it again by themselves."
NOT_DURABLE = "What was acknowledged before it was set so. What is acknowledged meanwhile a power cut may take."


class Trouble(Struct, frozen=True):
    """`name`: what a runbook is called; `itself`: what mends by itself, empty when nothing does; `do`: what to type."""

    name: str
    what: str
    safe: str
    itself: str
    do: str


class Words(Struct, frozen=True):
    """What is said of a finding beside what was found."""

    name: str
    safe: str
    itself: str = ""


TOLD: dict[tuple[str, str], Words] = {
    ("s3", "answers"): Words(
        "object-store-away",
        f"{JOURNAL} Windows and days wait in PostgreSQL to become files.",
        "Everything goes on when it is back; eucora up starts an embedded one again.",
    ),
    ("s3", "write_and_read"): Words(
        "object-store-away", f"{JOURNAL} Nothing is dropped before it was read back equal."
    ),
    ("cache", "answers"): Words(
        "cache-away",
        "Everything: it holds rate limits and wake-ups alone. Limits are each process's own meanwhile.",
        "It is used again when it is back; eucora up starts an embedded one again.",
    ),
    ("postgresql", "answers"): Words(
        "database-away", f"What was acknowledged lies on its disk. {AGENTS}", "Everything goes on when it is back."
    ),
    ("postgresql", "clock"): Words("clock-wrong", JOURNAL, "Times of arrival never go back."),
    ("postgresql", "version"): Words("postgresql-too-old", JOURNAL),
    ("postgresql", "fsync"): Words("not-durable", NOT_DURABLE),
    ("postgresql", "full_page_writes"): Words("not-durable", NOT_DURABLE),
    ("postgresql", "connections"): Words("too-few-connections", f"{JOURNAL} {AGENTS}"),
    ("postgresql", "partitions"): Words(
        "no-partition", f"{JOURNAL} {AGENTS}", "The pipeline makes them each hour, once what hinders it is gone."
    ),
    ("postgresql", "long_transactions"): Words(
        "long-transaction", f"{JOURNAL} Dead rows fill the disk meanwhile.", "Rows are cleaned up when it has ended."
    ),
    ("line", "arrival"): Words(
        "clock-wrong",
        f"{JOURNAL} Order is by stream and number, never by a clock.",
        "Times of arrival stand still until the clock has caught up.",
    ),
    ("line", "digest"): Words("nobody-digests", JOURNAL, "eucora up starts the pipeline again when it dies."),
    ("line", "lag"): Words("lag", JOURNAL, "It catches up once less comes in; live data goes first."),
    ("line", "dead_letters"): Words("dead-letters", "Each item is kept, sealed, with its reason."),
    ("line", "forks"): Words("forked-stream", f"Nothing of either was mixed. {AGENTS}"),
    ("line", "windows"): Words("windows-wait", f"{JOURNAL} Their rows are in PostgreSQL, and in every answer."),
    ("line", "audit_head"): Words("audit-unsigned", "The trail is a chain of digests whether signed or not."),
    ("machine", "disk"): Words(
        "disk-full",
        f"Below the reserve the door answers 503, so that PostgreSQL never meets a full disk. {AGENTS}",
        "The door opens again when there is room.",
    ),
    ("machine", "server_certificate"): Words(
        "certificate-ends", f"{AGENTS} None is stranded: an expired one renews itself."
    ),
    ("machine", "authority"): Words("certificate-ends", f"{AGENTS} Two authorities may be trusted at once."),
    ("machine", "secrets"): Words("secrets-open", "Nothing was changed; somebody may have read."),
    ("machine", "wrapping_key"): Words(
        "key-missing",
        "Measurements, digests and signatures are there. What is sealed stays sealed until the key is back.",
    ),
    ("machine", "data_directory"): Words("no-data-directory", "Nothing was touched."),
}


def away(store: str, said: str) -> Trouble:
    """A store that does not answer, and what it says instead."""
    return _finding(store, "answers", said or "does not answer", RESTART)


async def troubles(house: Operators, now: datetime) -> list[Trouble]:
    """All else that is the matter."""
    found = [
        _finding(told.part, each.name, each.found, each.mend)
        for told in await examine(house, now, PARTS)
        for each in told.findings
        if each.state == "wrong"
    ]
    with translated():
        told, fleet = await asyncio.gather(states(house.pool, now), _fleet(house, now))
    found += [*await _missing(house, now), *await _drifted(house, now)]
    return [*found, *_jumped(house, now), *waiting(told, {follower.name for follower in house.followers}), *fleet]


async def _missing(house: Operators, now: datetime) -> list[Trouble]:
    """Items that nobody accounted for, known for longer than a device takes to send them again."""
    found = await of_fleet(house.pool)
    if found.oldest is None or now - found.oldest < AWAITED:
        return []
    whose = f"{found.unexplained:,} items of {found.devices_missing:,} devices"
    what = f"{whose} are not accounted for, since {found.oldest:%Y-%m-%d %H:%M}."
    safe = "What is there is whole: each batch fits to the one before it. The rest is known item by item."
    do = "eucora completeness DEVICE tells which, and why; on the device: eucora-agent status"
    return [Trouble("items-missing", what, safe, "A device that still has them sends them again by itself.", do)]


async def _drifted(house: Operators, now: datetime) -> list[Trouble]:
    """Devices that are held otherwise than they told, for longer than it takes them to send the section whole."""
    found = await lasting(house.pool, now - DRIFTED)
    if found.oldest is None:
        return []
    whose = f"{found.devices:,} device{'s' if found.devices > 1 else ''}"
    what = f"What is held of {whose} is not what was told, since {found.oldest:%Y-%m-%d %H:%M}."
    safe = f"{JOURNAL} What the device told is in it, and on the device."
    itself = "The device is asked for the section whole, once an hour, and sends it when it is back."
    do = "eucora device DEVICE tells which section; eucora devices state:silent whether it can answer"
    return [Trouble("state-drift", what, safe, itself, do)]


def _jumped(house: Operators, now: datetime) -> list[Trouble]:
    """Somebody set this machine's clock in the last hour."""
    found = house.jumps.lately(now)
    if found is None:
        return []
    at, by_s = found
    what = (
        f"This machine's clock was set {'forward' if by_s > 0 else 'back'} by {abs(by_s):,.0f} s at {at:%H:%M:%S} UTC."
    )
    safe = f"{JOURNAL} Order is by stream and number, never by a clock; times of arrival never go back."
    do = "let chrony or systemd-timesyncd keep it, drawn slowly instead of set: timedatectl timesync-status"
    return [Trouble("clock-jumped", what, safe, "Nothing needs to be done once it is right.", do)]


def _finding(part: str, name: str, said: str, mend: str) -> Trouble:
    words = TOLD.get((part, name), Words(f"{part}-{name}".replace("_", "-"), JOURNAL))
    return Trouble(words.name, f"{part}, {name.replace('_', ' ')}: {said}", words.safe, words.itself, mend)


def waiting(told: Sequence[State], named: set[str]) -> list[Trouble]:
    """Servers that follow, and can't. `named`: those that the settings name."""
    found = []
    for each in told:
        if each.follower not in named:
            continue
        safe = f"{each.waiting:,} batches wait for it in the archive, which every page and query of ours reads."
        if each.paused_at is not None:
            found.append(
                Trouble(
                    "store-paused", f"{each.follower} is paused.", safe, "", f"eucora stores resume {each.follower}"
                )
            )
        elif each.retry_at is not None:
            what = f"{each.follower} does not take anything: {each.last_error}"
            do = f"see that it runs: eucora doctor; it lost its disk: eucora stores again {each.follower} --since 7d"
            found.append(Trouble("store-away", what, safe, "It is tried again by itself, and told everything.", do))
        elif each.behind_s > BEHIND_S:
            what = f"{each.follower} is {each.behind_s:,.0f} s behind."
            itself = "It catches up by itself; what is new is told beside what is old."
            found.append(Trouble("store-behind", what, safe, itself, "eucora stores shows its rate"))
    return found


async def _fleet(house: Operators, now: datetime) -> list[Trouble]:
    found = []
    silent = (await house.counts.of(house.pool, now, SILENT))["silent"]
    if silent:
        what = f"{silent:,} device{'s' if silent > 1 else ''} not heard of for more than 15 minutes."
        safe = "What they measure they keep, as long as a spool keeps data, and send when they are back."
        do = "eucora devices state:silent shows since when; on the device: eucora-agent status"
        found.append(Trouble("devices-silent", what, safe, "They come back by themselves: laptops sleep.", do))
    for row in await house.pool.fetch(SQL.refused, now - REFUSED):
        what = f"{row['count']:,} batches were turned away in the last 15 minutes: {row['reason']}."
        safe = "Nothing of them is stored; the sender was told why."
        do = "eucora audit --act batch.refused shows of which devices"
        found.append(Trouble(f"refused-{row['reason']}", what, safe, "", do))
    return found


def here(settings: Settings, now: datetime) -> list[Trouble]:
    """What this machine shows without any server."""
    return [
        _finding("machine", each.name, each.found, each.mend)
        for each in machine(settings, now)
        if each.state == "wrong"
    ]


def unreachable(why: str) -> Trouble:
    """For who asks when nothing answers."""
    do = "start it: eucora up, or your service manager"
    return Trouble("platform-away", why, f"What was acknowledged lies on disk. {AGENTS}", "", do)


def database_away(why: str) -> Trouble:
    """For who asks when the platform answers that its database does not."""
    words = TOLD["postgresql", "answers"]
    do = "eucora up starts an embedded one again; see logs/postgres.log in the data directory, or your own server's"
    return Trouble(words.name, f"PostgreSQL does not answer: {why}", words.safe, words.itself, do)
