"""How the line and its followers stand, as metrics: a few statements a scrape, whatever the size of the fleet."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from eucora.observe import figures, golden
from eucora.observe.metrics import Declared, Sample
from eucora.pipeline.followers import State, states
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.postgres import translated

SQL = load(__file__, "metrics.sql")

OF = ("follower",)
LAG_RECORDS = Declared("eucora_follower_lag_records", "gauge", "Batches in the archive that it was not told", OF)
LAG_SECONDS = Declared("eucora_follower_lag_seconds", "gauge", "How long the oldest of them has waited", OF)
TOLD = Declared("eucora_follower_told_records_total", "counter", "Samples, lines or spans that it took", OF)
MERGED = Declared("eucora_follower_merged_records_total", "counter", "Those that came more than once", OF)
CLAMPED = Declared("eucora_follower_clamped_records_total", "counter", "Those that lay in the future", OF)
RETRIES = Declared("eucora_follower_retries_batches_total", "counter", "Parcels that were tried again", OF)
REFUSED = Declared(
    "eucora_follower_refused_records_total", "counter", "What it never takes; it is in the archive", (*OF, "reason")
)
FORGETTING = Declared("eucora_follower_forgetting_records", "gauge", "Erasures of which it still holds something", OF)
AGAIN = Declared("eucora_follower_again_records", "gauge", "Batches that it is told once more", OF)
FAILED_AT = Declared("eucora_follower_last_error_seconds", "gauge", "When it failed last, since 1970; 0: never", OF)
PAUSED = Declared("eucora_follower_paused", "gauge", "1 while an operator has paused it", OF)

JOURNAL = Declared("eucora_journal_appended_batches_total", "counter", "Batches acknowledged", ("lane",))
DIGESTED = Declared("eucora_digest_read_batches_total", "counter", "Batches digested", ("lane",))
DIGEST_LAG = Declared("eucora_digest_lag_batches", "gauge", "Batches acknowledged and not yet queryable", ("lane",))
DIGEST_LAG_SECONDS = Declared("eucora_digest_lag_seconds", "gauge", "How far the digest is behind", ("lane",))
DEAD = Declared("eucora_dead_letters", "gauge", "Items that could not be stored and wait for somebody")
WINDOWS = Declared("eucora_archive_closed_windows", "gauge", "Closed windows that are not files yet")
AUDIT = Declared("eucora_audit_unsigned_events", "gauge", "Audit events behind the newest signed head")
DEVICES = Declared("eucora_fleet_devices", "gauge", "Devices by state", ("state",))
FORKS = Declared("eucora_journal_forked_streams", "gauge", "Streams that are held, since they forked")

MISSING = Declared("eucora_journal_missing_items", "gauge", "Items that no batch of their device accounts for")
DRIFTED = Declared("eucora_drift_devices", "gauge", "Devices of which something is held otherwise than they told")

QUEUE = Declared("queue_depth", "gauge", "Batches acknowledged and not yet queryable, of both lanes")
SILENT = Declared("agent_heartbeat_failures", "gauge", "Devices heard of in the last week, and silent for too long now")
SUCCESS = Declared("deployment_success_total", "counter", "Deployments that devices told as succeeded")
FAILURE = Declared("deployment_failure_total", "counter", "Deployments that devices told as failed or rolled back")

HEARD_OF = timedelta(days=7)
"""A device that is silent for longer is no news."""

DECLARED = (
    *(LAG_RECORDS, LAG_SECONDS, TOLD, MERGED, CLAMPED, RETRIES, REFUSED, FORGETTING, AGAIN, FAILED_AT, PAUSED),
    *(JOURNAL, DIGESTED, DIGEST_LAG, DIGEST_LAG_SECONDS, DEAD, WINDOWS, AUDIT, DEVICES, FORKS),
    *(MISSING, DRIFTED, QUEUE, SILENT, SUCCESS, FAILURE, *golden.DECLARED),
)
LANES = ("live", "replay")


async def samples(pool: Pool, now: datetime, silent_after: timedelta) -> list[Sample]:
    """Everything that is declared here, now. Raises TryLater."""
    with translated():
        followers = await states(pool, now)
        lanes = await pool.fetch(SQL.lanes)
        (counts,) = await pool.fetch(SQL.counts, now - silent_after, now - HEARD_OF)
        own = await figures.samples(pool, golden.DECLARED, now)
    return [*_followers(followers), *_lanes(lanes), *_counts(counts), *own]


def _followers(found: list[State]) -> Iterator[Sample]:
    for each in found:
        of = (each.follower,)
        yield Sample(LAG_RECORDS, each.waiting, of)
        yield Sample(LAG_SECONDS, each.behind_s, of)
        yield Sample(TOLD, each.told, of)
        yield Sample(MERGED, each.merged, of)
        yield Sample(CLAMPED, each.clamped, of)
        yield Sample(RETRIES, each.retries, of)
        yield Sample(FORGETTING, each.forgetting, of)
        yield Sample(AGAIN, each.again, of)
        yield Sample(FAILED_AT, each.last_error_at.timestamp() if each.last_error_at else 0.0, of)
        yield Sample(PAUSED, each.paused_at is not None, of)
        for reason in sorted({refusal.reason for refusal in each.refused}):
            yield Sample(REFUSED, sum(r.count for r in each.refused if r.reason == reason), (*of, reason))


def _lanes(rows: list[Any]) -> Iterator[Sample]:
    for row in rows:
        of = (LANES[row["lane"]],)
        yield Sample(JOURNAL, row["appended"], of)
        yield Sample(DIGESTED, row["digested"], of)
        yield Sample(DIGEST_LAG, row["appended"] - row["digested"], of)
        yield Sample(DIGEST_LAG_SECONDS, row["behind_s"], of)

    yield Sample(QUEUE, sum(row["appended"] - row["digested"] for row in rows))


def _counts(row: Any) -> Iterator[Sample]:
    yield Sample(DEAD, row["dead_letters"])
    yield Sample(WINDOWS, row["windows"])
    yield Sample(AUDIT, row["unsigned"])
    yield Sample(DEVICES, row["enrolled"], ("enrolled",))
    yield Sample(DEVICES, row["revoked"], ("revoked",))
    yield Sample(FORKS, row["forks"])
    yield Sample(MISSING, row["missing"])
    yield Sample(DRIFTED, row["drifted"])
    yield Sample(SILENT, row["silent"])
    yield Sample(SUCCESS, row["succeeded"])
    yield Sample(FAILURE, row["failed"])
