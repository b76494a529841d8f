"""What this process counted of its own work, in memory, written down every few seconds for whoever scrapes.

`HERE` is the process's own. A row a process; those of processes that ended are added up into one, so that a sum over all
never falls. Between two writings a kill loses some seconds of counting; nothing else rests on these figures.
"""

import uuid
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from eucora import clock, sql
from eucora.observe.metrics import Declared, Sample
from eucora.slice import Pool

SQL = sql.load(__file__, "figures.sql")
EVERY_S = 5.0
ALIVE = timedelta(seconds=20)
ENDED = timedelta(hours=1)
PAST = uuid.UUID(int=0)
"""The row of all processes that ended."""

Key = tuple[str, tuple[str, ...]]


class Figure(Struct, frozen=True, array_like=True):
    """[n] of a counter, [value] of a gauge, [sum, count of each bucket …, count beyond] of a histogram."""

    name: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Figures:
    """Counters, gauges and histograms by name and labels. Not for threads: one loop counts."""

    def __init__(self) -> None:
        self.process = uuid.uuid4()
        self._values: dict[Key, list[float]] = {}

    def count(self, metric: Declared, *labels: str, by: float = 1) -> None:
        """More of it."""
        self._values.setdefault((metric.name, labels), [0.0])[0] += by

    def hold(self, metric: Declared, value: float, *labels: str) -> None:
        """So much of it there is now."""
        self._values[metric.name, labels] = [float(value)]

    def observe(self, metric: Declared, value: float, *labels: str) -> None:
        """One value of a distribution."""
        self.observe_all(metric, (value,), *labels)

    def observe_all(self, metric: Declared, values: Iterable[float], *labels: str) -> None:
        """Many of them."""
        key = (metric.name, labels)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = [0.0] * (len(metric.buckets) + 2)
        buckets = metric.buckets
        for value in values:
            found[0] += value
            found[1 + bisect_left(buckets, value)] += 1

    @contextmanager
    def timed(self, metric: Declared, *labels: str) -> Iterator[None]:
        """How long the block took, under its labels and how it ended: ok or failed."""
        began = clock.monotonic()
        outcome = "failed"
        try:
            yield
            outcome = "ok"
        finally:
            self.observe(metric, clock.monotonic() - began, *labels, outcome)

    def told(self) -> list[Figure]:
        """All of it."""
        return [Figure(name, labels, tuple(values)) for (name, labels), values in self._values.items()]

    async def write(self, pool: Pool) -> None:
        """So that others see it. Who was taken for ended, and is not, begins anew."""
        body = msgspec.json.encode(self.told()).decode()
        if await pool.fetchval(SQL.update, self.process, body) is None:
            if await pool.fetchval(SQL.folded, self.process):
                self.process, self._values = uuid.uuid4(), {}
                return
            await pool.execute(SQL.begin, self.process, body)


HERE = Figures()


async def fold(pool: Pool, now: datetime) -> None:
    """Add up those that ended, into one row."""
    async with pool.acquire() as tx, tx.transaction():
        await tx.execute(SQL.ensure_past, PAST)
        before = _decoded(await tx.fetchval(SQL.lock_past, PAST))
        ended = [_decoded(row["figures"]) for row in await tx.fetch(SQL.take, PAST, now - ENDED)]
        if ended:
            both = added([before, *ended])
            await tx.execute(SQL.keep, PAST, msgspec.json.encode(both).decode())


async def samples(pool: Pool, declared: Sequence[Declared], now: datetime) -> list[Sample]:
    """What all processes counted, added up; of gauges, those of processes that live. What nobody counted yet is 0."""
    rows = await pool.fetch(SQL.read)
    metrics = {metric.name: metric for metric in declared}
    gauges = {name for name, metric in metrics.items() if metric.kind == "gauge"}
    all_of_them = [(row["at"] > now - ALIVE and row["process"] != PAST, _decoded(row["figures"])) for row in rows]
    found = added([[f for f in told if lives or f.name not in gauges] for lives, told in all_of_them])
    seen = {figure.name for figure in found}
    empty = [Figure(m.name, (), (0.0,) * _width(m)) for m in declared if m.name not in seen and not m.labels]
    return [
        Sample(metrics[f.name], f.values[0], f.labels, f.values[1:])
        for f in (*found, *empty)
        if f.name in metrics and len(f.values) == _width(metrics[f.name])
    ]


def _width(metric: Declared) -> int:
    return len(metric.buckets) + 2 if metric.kind == "histogram" else 1


def added(told: Iterable[Sequence[Figure]]) -> list[Figure]:
    """Figure by figure. Buckets that a version cut otherwise do not mix: the later ones stay."""
    sums: dict[Key, tuple[float, ...]] = {}
    for each in (figure for figures in told for figure in figures):
        key, before = (each.name, each.labels), sums.get((each.name, each.labels))
        fits = before is not None and len(before) == len(each.values)
        sums[key] = tuple(map(sum, zip(before, each.values, strict=True))) if before and fits else each.values
    return [Figure(name, labels, values) for (name, labels), values in sums.items()]


def _decoded(text: str) -> list[Figure]:
    return msgspec.json.decode(text, type=list[Figure])
