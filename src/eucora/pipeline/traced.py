"""What the pipeline tells of sampled batches: its stages, and each follower's. Which were sampled is kept for two days,

so that a follower, who knows places only, finds them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from eucora import clock
from eucora.batch import Entry
from eucora.observe.figures import HERE
from eucora.observe.golden import STAGE
from eucora.observe.trace import Tracer
from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__, "traced.sql")
KEPT = timedelta(days=2)
ROWS_A_TURN = 10_000

Sampled = list[tuple[Entry, bytes]]
"""Entries with their trace ids."""


class Stages:
    """Times of the stages of one turn of the digest, in microseconds; told as figures, too."""

    def __init__(self) -> None:
        self.times: dict[str, tuple[int, int]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = clock.to_us(clock.now())
        with HERE.timed(STAGE, name):
            yield
        self.times[name] = (began, clock.to_us(clock.now()))


def sampled(entries: Sequence[Entry], tracer: Tracer) -> Sampled:
    """Those of a batch; none where nobody takes traces."""
    if not tracer.on:
        return []
    return [(entry, trace) for entry in entries if entry.digest and (trace := tracer.trace(entry.digest))]


async def keep(tx: Transaction, found: Sampled) -> None:
    """With the digest's own transaction: whoever reads the rows finds it."""
    if found:
        rows = [(e.shard, e.lane, e.position, e.digest, e.received) for e, _ in found]
        await tx.executemany(SQL.keep, rows)


def tell(found: Sampled, stages: Stages, tracer: Tracer) -> None:
    """The digest, and its stages below it."""
    if not found:
        return
    whole = (min(t[0] for t in stages.times.values()), max(t[1] for t in stages.times.values()))
    for entry, trace in found:
        place = f"{entry.shard}/{entry.lane}/{entry.position}"
        said = {"eucora.device": str(entry.device), "eucora.place": place}
        tracer.tell(trace, "digest", "door", "pipeline", whole, said)
        for name, times in stages.times.items():
            tracer.tell(trace, f"digest.{name}", "digest", "pipeline", times, {})


async def told(
    pool: Pool,
    tracer: Tracer,
    follower: str,
    moved: Mapping[tuple[int, int], tuple[int, int]],
    times_us: tuple[int, int],
) -> None:
    """What a follower was told: sampled batches in the stretches (from, to) that its cursor moved over."""
    if not tracer.on or not moved:
        return
    places = sorted(moved)
    given = (
        [p[0] for p in places],
        [p[1] for p in places],
        [moved[p][0] for p in places],
        [moved[p][1] for p in places],
    )
    for row in await pool.fetch(SQL.between, *given):
        if trace := tracer.trace(row["digest"]):
            tracer.tell(trace, f"tell.{follower}", "digest", "pipeline", times_us, {"eucora.store": follower})


async def forget(pool: Pool, now: datetime) -> Any:
    """What is older than any follower's lag that one would look into."""
    return await pool.execute(SQL.forget, now - KEPT, ROWS_A_TURN)
