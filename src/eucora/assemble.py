"""Settings in, running platform out: the only file that names adapters. Each role opens what it needs and closes it."""

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

import structlog

from eucora import clock, secrets
from eucora.archive import windows
from eucora.archive.asking import Asking, Bounds
from eucora.archive.compact import compact, drop
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.archive.merge import clean, merge
from eucora.archive.query import Archive
from eucora.archive.shapes import Shapes
from eucora.archive.sweep import delete_replaced, sweep
from eucora.domains import all as domains
from eucora.domains.audit import Act, record, sign_head
from eucora.domains.audit.copy import AuditFeed
from eucora.domains.devices.policy import ensure_policy
from eucora.domains.devices.queries import beings
from eucora.domains.incidents import refresh as incidents
from eucora.gateway.authority import ensure_authority, load_authority
from eucora.gateway.chores import chores
from eucora.gateway.house import furnish
from eucora.gateway.refusals import Refusals
from eucora.gateway.serve import serve as serve_devices
from eucora.governance import classes, restored, witness
from eucora.governance.enforce import Keeper, enforce
from eucora.governance.erasure import Eraser, settle
from eucora.governance.kept import findings, kept
from eucora.governance.witness import Witness
from eucora.journal import founding
from eucora.journal.keys import Keyring
from eucora.journal.postgres import PostgresJournal
from eucora.journal.seal import seal
from eucora.journal.signers import SignerCache
from eucora.migrations.migrate import migrate
from eucora.observe import figures, golden
from eucora.observe.jumps import Jumps
from eucora.observe.logs import Tee
from eucora.observe.trace import OFF, Tracer
from eucora.operators import app as operator_plane
from eucora.operators import enrolment_tokens
from eucora.operators.console import sessions as console
from eucora.operators.first import NAME as FIRST
from eucora.operators.first import first_operator
from eucora.operators.house import Operators
from eucora.operators.serve import serve as serve_operators
from eucora.pipeline import followers, redigest, traced, worker
from eucora.pipeline.explain import explain
from eucora.pipeline.house import House
from eucora.pipeline.mask import Text
from eucora.pipeline.normalise import Limits, touches
from eucora.pipeline.redigest import Redigest
from eucora.pipeline.replay import replay
from eucora.pipeline.told_cohorts import Cohorts
from eucora.problems import Misconfigured
from eucora.scheduler import Job, keep
from eucora.secrets import Secrets
from eucora.settings import Settings, addresses
from eucora.slice import Pool, Transaction
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.loki import Loki
from eucora.stores.loki_audit import LokiAudit
from eucora.stores.ports import Cache, Follower, Objects, S3Endpoint
from eucora.stores.postgres import cut_off, open_pool
from eucora.stores.prometheus import Prometheus
from eucora.stores.prometheus_cohorts import PrometheusCohorts
from eucora.stores.redis import RedisCache
from eucora.stores.s3 import S3Objects
from eucora.stores.tempo import Tempo
from eucora.stores.timed import TimedCache, TimedObjects

DATA_BUCKET = "eucora-data"
"""Journal segments, archive, signed heads: no object lock, so that erasure can rewrite it."""

STORES = (
    *("postgres_url", "postgres_owner_url", "postgres_keys_url", "redis_url", "s3_url"),
    *("metrics_url", "logs_url", "traces_url", "traces_query_url"),
)

PIPELINE_NICENESS = 10

OWN = Tee(sys.stderr)
"""What this process says of itself."""

Ready = Callable[[], None]


def configure_logs(settings: Settings, role: str) -> None:
    """JSON lines on stderr; the event is a constant, the rest are fields, and none of them names a person."""
    OWN.file = sys.stderr
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(OWN),  # type: ignore[arg-type]
    )
    structlog.contextvars.bind_contextvars(role=role)
    for noisy in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Platform:
    """What every role stands on: settings, secrets, PostgreSQL in two roles, keys, and which installation this is."""

    settings: Settings
    secrets: Secrets
    pool: Pool
    keyring: Keyring
    cache: Cache
    objects: Objects
    journal: PostgresJournal
    about: founding.Platform


def _tracer(settings: Settings, opened: AsyncExitStack) -> Tracer:
    """Sampled batches to the server that takes traces, where there is one."""
    if not settings.traces_url or not settings.traces_ratio:
        return OFF
    tempo = Tempo(settings.traces_url, settings.traces_ca_file)
    opened.push_async_callback(tempo.close)
    return Tracer(settings.traces_ratio, tempo.tell_own)


async def _own_lines(settings: Settings, role: str, ended: asyncio.Event) -> None:
    """This process's log lines to the log server, where there is one."""
    if not settings.logs_url:
        return
    loki = Loki(settings.logs_url, settings.logs_ca_file, tenant=settings.logs_tenant)
    try:
        await OWN.run(partial(loki.tell_own, f"eucora-{role}"), ended)
    finally:
        await loki.close()


async def found(settings: Settings) -> int | None:
    """Bring the database up to date and found the platform: authority, policy, first operator. Again is harmless.

    The epoch that begins, when the database was put back since the last start.
    """
    check_endpoints(settings)
    retention(settings)
    await migrate(settings.postgres_owner_url or settings.postgres_url)
    async with _pool(settings.postgres_url, "founding") as pool:
        # Other keys beside data that lies under the old ones would look like a start, and open nothing.
        kept = secrets.load(settings.data_dir / "secrets", create=not await founding.is_founded(pool))
        ensure_authority(settings.data_dir, settings.public_names)
        await founding.found(pool, uuid.uuid4(), settings.shards)
        async with pool.acquire() as connection, connection.transaction():
            await ensure_policy(connection, kept.policy)
        await first_operator(pool, settings.data_dir, addresses(settings), settings.trusted_file)
    async with _platform(settings, "founding") as platform:
        return await restored.look(_eraser(platform), settings.witness_folder, clock.now())


async def told(settings: Settings, act: str, actor: str = "eucora up") -> None:
    """What was done to the platform on its own machine, in the audit trail."""
    async with _pool(settings.postgres_url, "founding") as pool, pool.acquire() as connection, connection.transaction():
        done = Act(act=act, audit_class="system", actor_kind="platform", actor=actor)
        await record(connection, clock.now(), [done])


async def seen(settings: Settings) -> witness.Seen:
    """Which installation this is, and where its journal stands."""
    async with _pool(settings.postgres_url, "founding") as pool:
        return await witness.seen_in(pool)


async def console_link(settings: Settings) -> str:
    """A link to the console for the first operator, once, within ten minutes."""
    async with _pool(settings.postgres_url, "founding") as pool, pool.acquire() as tx, tx.transaction():
        secret = await console.link_for(tx, FIRST, clock.now())
    return f"{addresses(settings)['url']}/enter/{secret}"


async def token_for_local_agent(settings: Settings) -> str:
    """A token for one device within ten minutes."""
    async with _pool(settings.postgres_url, "founding") as pool:
        return await enrolment_tokens.create(pool, "eucora up", uses=1, hours=1 / 6, label="this machine")


def retention(settings: Settings) -> classes.Table:
    """How long each class of data is kept. Raises Misconfigured."""
    return classes.read(settings.retention_file, settings.data_dir, settings.spool_max_age_days)


def check_endpoints(settings: Settings) -> None:
    """Beyond loopback every store is reached by TLS with verification. Raises Misconfigured."""
    for name in STORES:
        if url := getattr(settings, name):
            require_tls_beyond_loopback(url, f"EUCORA_{name.upper()}")


def write_s3_credentials(path: Path, endpoint: S3Endpoint) -> None:
    secrets.write(path, f"{endpoint.access_key}\n{endpoint.secret_key}\n".encode())


def s3_endpoint(settings: Settings) -> S3Endpoint:
    """The object store as the settings name it. Raises Misconfigured for a credentials file that is not two lines."""
    if settings.s3_credentials_file is None:
        raise Misconfigured("EUCORA_S3_URL and EUCORA_S3_CREDENTIALS_FILE are not set, and nothing is embedded")
    lines = settings.s3_credentials_file.read_text().split()
    if len(lines) != 2:
        raise Misconfigured(f"{settings.s3_credentials_file} must hold the access key and the secret key, a line each")
    return S3Endpoint(settings.s3_url, lines[0], lines[1], settings.s3_ca_file)


@asynccontextmanager
async def _pool(url: str, name: str, most: int = 8) -> AsyncIterator[Pool]:
    pool = await open_pool(url, name=name, most=most)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def _cache(settings: Settings) -> AsyncIterator[Cache]:
    cache = RedisCache(settings.redis_url)
    try:
        yield TimedCache(cache)
    finally:
        await cache.close()


@asynccontextmanager
async def bucket(endpoint: S3Endpoint) -> AsyncIterator[Objects]:
    """What journal and archive store, on this server."""
    objects = S3Objects(endpoint, DATA_BUCKET)
    try:
        yield TimedObjects(objects)
    finally:
        await objects.close()


@asynccontextmanager
async def _platform(settings: Settings, role: str) -> AsyncIterator[Platform]:
    """What every role opens, closed in reverse order."""
    check_endpoints(settings)
    async with (
        _pool(settings.postgres_url, role) as pool,
        _pool(settings.postgres_keys_url or settings.postgres_url, f"{role}-keys", 2) as keys,
        _cache(settings) as cache,
        bucket(s3_endpoint(settings)) as objects,
    ):
        kept = secrets.load(settings.data_dir / "secrets")
        keyring = Keyring(pool, keys, kept.wrapping)
        about = await founding.platform_of(pool)
        journal = PostgresJournal(
            pool, keyring, epoch=about.epoch, shards=about.shards, objects=objects, fsync=settings.fsync
        )
        yield Platform(settings, kept, pool, keyring, cache, objects, journal, about)


def _limits(settings: Settings) -> Limits:
    return Limits(timedelta(days=settings.spool_max_age_days), settings.inflated_max_kib * 1024)


def _pipeline(platform: Platform, tracer: Tracer = OFF) -> House:
    return House(
        journal=platform.journal,
        app=platform.pool,
        keyring=platform.keyring,
        directory=domains.Directory(platform.pool),
        slices=domains.slices(platform.keyring, platform.secrets),
        shapes=Shapes(platform.pool),
        cache=platform.cache,
        limits=_limits(platform.settings),
        lease_s=platform.settings.lease_s,
        chores=domains.chores(platform.pool, platform.secrets),
        tracer=tracer,
    )


async def run_gateway(settings: Settings, ended: asyncio.Event, ready: Ready) -> None:
    """The device plane and the enrolment listener."""
    authority = load_authority(settings.data_dir)
    async with AsyncExitStack() as opened, _platform(settings, "gateway") as platform:
        tracer = _tracer(settings, opened)
        house = furnish(
            settings=settings,
            installation=platform.about.installation,
            secrets=platform.secrets,
            authority=authority,
            pool=platform.pool,
            keyring=platform.keyring,
            journal=platform.journal,
            signers=SignerCache(platform.pool),
            cache=platform.cache,
            tracer=tracer,
            refusals=Refusals(retention(settings)["samples"].before),
        )
        jobs = [Job(*chore) for chore in chores(house)] + [Job("sleepers", 5, partial(cut_off, platform.pool))]
        await asyncio.gather(
            serve_devices(house, ended, ready),
            keep(jobs, ended),
            tracer.run(ended),
            _own_lines(settings, "gateway", ended),
        )


async def run_pipeline(settings: Settings, ended: asyncio.Event, ready: Ready) -> None:
    """Digest what the journal holds, and what must happen from time to time. Where cores are short the door goes first:
    devices wait for their acknowledgement, and what is acknowledged can wait."""
    _be_nice(PIPELINE_NICENESS)
    async with AsyncExitStack() as opened, _platform(settings, "pipeline") as platform:
        tracer = _tracer(settings, opened)
        ready()
        await asyncio.gather(
            worker.run(_pipeline(platform, tracer), ended),
            keep(_jobs(platform), ended),
            _follow(platform, tracer, ended),
            tracer.run(ended),
            _own_lines(settings, "pipeline", ended),
        )


async def _follow(platform: Platform, tracer: Tracer, ended: asyncio.Event) -> None:
    """Tell the servers that follow the archive, where there are any."""
    async with AsyncExitStack() as opened:
        told = followers_of(platform.settings)
        for each in told:
            opened.push_async_callback(each.close)
        # A folder of its own: what another process reads is not thrown away here.
        folder, most = platform.settings.data_dir / "copies-told", platform.settings.copies_mib * 2**20
        copies = Copies(platform.objects, folder, most)
        text = cast("Text", platform.settings.logs_text)
        async with asyncio.TaskGroup() as group:
            group.create_task(keep([Job("copies", 60, lambda: copies.tidy(platform.pool))], ended))
            for each in told:
                feed = _source(platform.pool, copies, each)
                telling = followers.Telling(each, feed, platform.pool, platform.settings.lease_s, text, tracer)
                group.create_task(followers.run(telling, ended))


def _source(pool: Pool, copies: Copies, follower: Follower) -> followers.Source:
    """What a follower is told out of."""
    erased = partial(domains.erased, pool)
    match follower.kind:
        case "audit":
            return AuditFeed(pool)
        case "cohorts":
            return Cohorts(pool, Feed(pool, copies, "metrics", erased), partial(beings, pool), follower.name)
        case kind:
            return Feed(pool, copies, kind, erased)


def _eraser(platform: Platform) -> Eraser:
    return Eraser(
        pool=platform.pool,
        objects=platform.objects,
        keyring=platform.keyring,
        shards=platform.about.shards,
        window=timedelta(minutes=platform.settings.window_minutes),
        audit_days=retention(platform.settings)["audit"].days,
        touches=partial(touches, _limits(platform.settings)),
    )


def followers_of(settings: Settings) -> list[Follower]:
    """The servers that the settings name. Whoever opens them closes them."""
    oldest = timedelta(days=settings.spool_max_age_days + 1)
    found: list[Follower] = []
    if settings.metrics_url:
        prometheus = Prometheus(settings.metrics_url, settings.metrics_ca_file, oldest)
        found.append(PrometheusCohorts(prometheus) if settings.metrics_series == "cohort" else prometheus)
    if settings.logs_url:
        found.append(Loki(settings.logs_url, settings.logs_ca_file, oldest, settings.logs_tenant))
        found.append(LokiAudit(Loki(settings.logs_url, settings.logs_ca_file, oldest, settings.logs_tenant)))
    if settings.traces_url:
        found.append(Tempo(settings.traces_url, settings.traces_ca_file, oldest, settings.traces_query_url))
    return found


def _be_nice(by: int) -> None:
    """Where Linux groups processes by session for its scheduler, niceness counts within one only: the group's counts too."""
    os.nice(by)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(by), encoding="ascii")


def _jobs(platform: Platform) -> list[Job]:
    length = timedelta(minutes=platform.settings.window_minutes)
    hot = timedelta(days=platform.settings.journal_hot_days)
    epoch, audit = platform.about.epoch, platform.secrets.audit
    eraser = _eraser(platform)
    keeper = Keeper(platform.pool, platform.objects, epoch, audit, retention(platform.settings))
    again = _pipeline(platform)
    seen = Witness(platform.settings.witness_folder)
    return [
        Job("witness", witness.EVERY_S, lambda: seen.keep(platform.pool)),
        Job("sleepers", 5, partial(cut_off, platform.pool)),
        Job("incidents", incidents.EVERY_S, lambda: incidents.refresh(platform.pool, clock.now())),
        Job("figures", figures.EVERY_S, partial(golden.tell, platform.pool)),
        Job("fold", 600, lambda: figures.fold(platform.pool, clock.now())),
        Job("partitions", 3600, lambda: founding.keep_partitions(platform.pool)),
        Job("window", 60, lambda: windows.close_window(platform.pool, clock.now(), length)),
        Job("compact", 60, lambda: compact(platform.pool, platform.objects, platform.about.epoch)),
        Job("drop", 60, lambda: drop(platform.pool, clock.now())),
        Job("merge", 300, lambda: merge(platform.pool, platform.objects, platform.about.epoch, clock.now())),
        Job("erase", 60, lambda: clean(platform.pool, platform.objects, platform.about.epoch, clock.now())),
        Job("delete_replaced", 300, lambda: delete_replaced(platform.pool, platform.objects, clock.now())),
        Job("sweep", 6 * 3600, lambda: sweep(platform.pool, platform.objects, platform.about.epoch, clock.now())),
        Job("seal", 60, lambda: seal(platform.pool, platform.objects, clock.now(), hot)),
        Job("traced", 600, lambda: traced.forget(platform.pool, clock.now())),
        Job("redigest", 30, lambda: redigest.work(again, platform.objects, epoch, redigested)),
        Job("scrub", 60, lambda: settle(eraser, clock.now())),
        Job("retention", 3600, lambda: enforce(keeper, clock.now())),
        Job("audit_head", 60, lambda: sign_head(platform.pool, platform.objects, platform.secrets.audit, clock.now())),
    ]


async def redigested(tx: Transaction, done: Redigest) -> None:
    """That a range was digested again, in the audit trail."""
    counts = {name: getattr(done, name) for name in ("entries", "carried", "items", "dead", "mended")}
    detail = {"redigest": done.redigest, "windows": [done.first, done.last], **counts}
    act = Act(act="archive.redigested", audit_class="lifecycle", actor_kind="platform", actor="pipeline", detail=detail)
    await record(tx, clock.now(), [act])


async def run_api(settings: Settings, ended: asyncio.Event, ready: Ready) -> None:
    """The operator plane."""
    async with _platform(settings, "api") as platform, AsyncExitStack() as opened:
        house, table, followed = _pipeline(platform), retention(settings), followers_of(settings)
        for each in followed:
            opened.push_async_callback(each.close)
        copies = Copies(platform.objects, settings.data_dir / "copies", settings.copies_mib * 2**20)
        bounds = Bounds(settings.query_memory_mib, settings.query_timeout_s, settings.queries_at_once)
        archive = Archive(platform.pool, copies, Asking(bounds))
        jumps = Jumps()
        app = operator_plane.build(
            Operators(
                jumps=jumps,
                settings=settings,
                installation=platform.about.installation,
                pool=platform.pool,
                keyring=platform.keyring,
                secrets=platform.secrets,
                objects=platform.objects,
                cache=platform.cache,
                archive=archive,
                replay=lambda ids: replay(house, ids),
                explain=lambda batch: explain(house, batch),
                kept=lambda now: kept(platform.pool, followed, table, now),
                eraser=_eraser(platform),
                followers=followed,
                retention=lambda now: findings(platform.pool, followed, table, now),
            )
        )
        serving = serve_operators(
            app,
            host=settings.listen,
            port=settings.operator_port,
            certificate=settings.data_dir / "tls" / "server.pem",
            key=settings.data_dir / "tls" / "server.key",
            ended=ended,
            ready=ready,
        )
        chores = [
            Job("copies", 60, lambda: copies.tidy(platform.pool)),
            Job("clock", 1, jumps.look_now),
            Job("figures", figures.EVERY_S, partial(golden.tell, platform.pool)),
        ]
        await asyncio.gather(serving, keep(chores, ended), _own_lines(settings, "api", ended))
