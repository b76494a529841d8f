"""One query over the archive: the newest values, series, lines. Values are in canonical units (ratio, seconds, bytes …)."""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from eucora.archive import masks, scan
from eucora.archive.asking import Asking, Question
from eucora.archive.copies import Copies
from eucora.archive.files import File, snapshot
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.sql import load
from eucora_wire.registry import METRICS

SQL = load(__file__)

STATES = {
    "network.proxy": "eucora_network_proxy",
    "agent.status": "eucora_agent_info",
    "agent.version": "eucora_agent_info",
    "hardware.batteries.plugged": "hw_battery_plugged",
    "apps.apps.launch_time": "eucora_app_launch_seconds",
    "ux.latency": "eucora_ux_latency_seconds",
}
"""What is no number on the wire, or many, and is a metric all the same."""

NewestRows = Callable[..., list[dict[str, Any]]]

UNITS = ("ratio", "seconds", "bytes", "celsius", "bits_per_second")
RECENT_ROWS = 200
"""Rows of a device in which its newest values are looked for: some hours of a minute's cadence."""

NARROW = "ask for a shorter span (since, until)"

Labels = tuple[tuple[str, str], ...]
LineKey = tuple[datetime, int, int, uuid.UUID, uuid.UUID]
"""(time, position, item, id, device) of a line."""


class Metric(Struct, frozen=True):
    """A metric as asked for: its path in the registry, its name in the archive, its canonical unit."""

    path: str
    name: str
    unit: str


class Value(Struct, frozen=True):
    """A newest value. Labels tell volumes, sensors, batteries and programs apart."""

    metric: str
    labels: Labels
    unit: str
    time: datetime
    value: float


class Latest(Struct, frozen=True):
    """The newest values of a device, by metric and labels; the times are the newest row's, None when there is none."""

    time: datetime | None
    received: datetime | None
    values: tuple[Value, ...]


class Labelled(Struct, frozen=True):
    """The points of one volume, sensor, battery or program."""

    labels: Labels
    points: tuple[tuple[datetime, float], ...]


class Series(Struct, frozen=True):
    """Points oldest first. `points` are those without labels; a metric of many things has them in `labelled`."""

    path: str
    metric: str
    unit: str
    points: tuple[tuple[datetime, float], ...]
    labelled: tuple[Labelled, ...] = ()


class LineRow(Struct, frozen=True, kw_only=True):
    """A log line, event, change, crash or deployment. `{name}` in a log's text stands for a field."""

    id: uuid.UUID
    device: uuid.UUID
    time: datetime
    received: datetime
    position: int
    item: int
    kind: str
    source: str
    severity: str
    count: int
    text: str
    fields: dict[str, Any]
    subject: uuid.UUID | None

    @property
    def key(self) -> LineKey:
        return (self.time, self.position, self.item, self.id, self.device)


def unit_of(metric: str) -> str:
    """The canonical unit, which is the end of the metric's name; `count` where it has none."""
    name = metric.removesuffix("_total")
    return next((unit for unit in UNITS if name.endswith("_" + unit)), "count")


def resolve(path: str) -> Metric:
    """A metric by its path in the registry, or by the end of one: `cpu`. Raises Refused (unknown)."""
    names = {p: f.metric for p, f in METRICS.items()} | STATES
    # The registry's order settles `memory`: the device's before the agent's.
    found = path if path in names else next((p for p in names if p.endswith("." + path)), None)
    if found is None:
        raise Refused("unknown", "no such metric; the reference page of fields lists them")
    return Metric(found, names[found], unit_of(names[found]))


@dataclass(frozen=True, slots=True)
class Archive:
    """Where every signal is: hot rows in the database, all others in files."""

    pool: Pool
    copies: Copies
    asking: Asking = field(default_factory=Asking)


@asynccontextmanager
async def copied(archive: Archive, question: Question, files: Sequence[File]) -> AsyncIterator[list[Path]]:
    """Paths of files as long as the block; fetching them counts as the question's work."""
    async with AsyncExitStack() as held:
        async with question.timed():
            paths = await held.enter_async_context(archive.copies.of(files))
        yield paths


async def latest(archive: Archive, device: uuid.UUID) -> Latest:
    """The newest value of each metric and labels, wherever they lie: what came last may be of long ago."""
    async with archive.asking.question(NARROW, wide=False) as question:
        async with question.timed(), snapshot(archive.pool) as at:
            hot = [dict(row) for row in await at.db.fetch(SQL.latest, device, RECENT_ROWS, at.hot)]
            newest = hot[0]["time"] if hot else None
            files = await at.files("metrics", newest)
            hidden = await masks.of_device(at.db, device)
        found = await _with_files(archive, question, hot, files, partial(scan.newest_rows, device=device, masks=hidden))
    values: dict[tuple[str, Labels], Value] = {}
    for row in found:
        for (name, labels), value in zip(msgspec.json.decode(row["parts"]), row["values"], strict=True):
            key = (name, tuple(sorted(labels.items())))
            values.setdefault(key, Value(*key, unit_of(name), row["time"], value))
    told = tuple(values[key] for key in sorted(values))
    if not found:
        return Latest(None, None, told)
    return Latest(found[0]["time"], found[0]["received"], told)


async def _with_files(
    archive: Archive, question: Question, rows: list[dict[str, Any]], files: Sequence[File], newest_rows: NewestRows
) -> list[dict[str, Any]]:
    """The newest rows, newest first: files are read, newest first, as long as they may hold a newer one."""
    for file in files:
        if rows and file.until < rows[0]["time"]:
            break
        async with copied(archive, question, [file]) as paths:
            more = await question.of(partial(newest_rows, files=paths, most=RECENT_ROWS))
        rows = sorted((*rows, *more), key=lambda r: (r["time"], r["position"], r["item"]), reverse=True)[:RECENT_ROWS]
    if unnamed := {row["shape"] for row in rows if "parts" not in row}:
        parts = dict(await archive.pool.fetch(SQL.parts_of, list(unnamed)))
        for row in rows:
            if "parts" not in row:
                row |= {"parts": parts[row["shape"]], "values": row["values"][: _length(parts[row["shape"]])]}
    return rows


def _length(parts: str) -> int:
    return len(msgspec.json.decode(parts))


async def series(
    archive: Archive, device: uuid.UUID, metric: Metric, since: datetime, until: datetime, most: int
) -> Series:
    """Values of a metric in [since, until); when there are more than `most`, the newest."""
    async with archive.asking.question(NARROW, wide=False) as question:
        async with question.timed(), snapshot(archive.pool) as at:
            hot = [tuple(row) for row in await at.db.fetch(SQL.series, device, metric.name, since, until, most, at.hot)]
            places = await at.db.fetch(SQL.places_of, metric.name)
            files = await at.files("metrics", since, until) if places else []
            hidden = await masks.of_device(at.db, device)
        async with copied(archive, question, files) as paths:
            wanted = scan.Wanted(device, since, until, {(row["shape"], row["place"]) for row in places}, most, hidden)
            cold = await question.of(partial(scan.values, files=paths, wanted=wanted)) if files else []
    labels = {(row["shape"], row["place"]): row["labels"] for row in places}
    rows = sorted((*hot, *cold), key=lambda row: row[:3], reverse=True)[:most]
    found: dict[Labels, list[tuple[datetime, float]]] = {}
    for time, _, _, shape, place, value in reversed(rows):
        key = tuple(sorted(msgspec.json.decode(labels[shape, place]).items()))
        found.setdefault(key, []).append((time, value))
    labelled = tuple(Labelled(labels, tuple(found[labels])) for labels in sorted(found) if labels)
    return Series(metric.path, metric.name, metric.unit, tuple(found.get((), ())), labelled)


async def extent(archive: Archive, device: uuid.UUID) -> tuple[datetime, datetime] | None:
    """No sample of the device lies outside; None when there is none at all."""
    row = await archive.pool.fetchrow(SQL.extent, device)
    return None if row is None or row["first"] is None else (row["first"], row["last"])
