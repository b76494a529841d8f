"""One query over the archive: the newest values, series, lines. Values are in canonical units (ratio, seconds, bytes …)."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from eucora.problems import Refused
from eucora.slice import Pool, Transaction
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

UNITS = ("ratio", "seconds", "bytes", "celsius", "bits_per_second")
RECENT_ROWS = 200
"""Rows of a device in which its newest values are looked for: some hours of a minute's cadence."""

Labels = tuple[tuple[str, str], ...]
LineKey = tuple[datetime, int, int, uuid.UUID]
"""(time, position, item, id) of a line."""


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
    """The newest values of a device, by metric and labels; `time` of the newest row, None when there is none."""

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
        return (self.time, self.position, self.item, self.id)


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


async def latest(db: Pool | Transaction, device: uuid.UUID) -> Latest:
    """The newest value of each metric and labels."""
    rows = await db.fetch(SQL.latest, device, RECENT_ROWS)
    found: dict[tuple[str, Labels], Value] = {}
    for row in rows:
        for (name, labels), value in zip(msgspec.json.decode(row["parts"]), row["values"], strict=True):
            key = (name, tuple(sorted(labels.items())))
            found.setdefault(key, Value(*key, unit_of(name), row["time"], value))
    values = tuple(found[key] for key in sorted(found))
    if not rows:
        return Latest(None, None, values)
    return Latest(rows[0]["time"], max(row["received"] for row in rows), values)


async def series(
    db: Pool | Transaction, device: uuid.UUID, metric: Metric, since: datetime, until: datetime, most: int
) -> Series:
    """Values of a metric in [since, until); when there are more than `most`, the newest."""
    found: dict[Labels, list[tuple[datetime, float]]] = {}
    for row in reversed(await db.fetch(SQL.series, device, metric.name, since, until, most)):
        labels = tuple(sorted(msgspec.json.decode(row["labels"]).items()))
        found.setdefault(labels, []).append((row["time"], row["value"]))
    labelled = tuple(Labelled(labels, tuple(found[labels])) for labels in sorted(found) if labels)
    return Series(metric.path, metric.name, metric.unit, tuple(found.get((), ())), labelled)


async def lines(
    db: Pool | Transaction,
    device: uuid.UUID,
    kinds: Sequence[str],
    since: datetime,
    until: datetime,
    after: LineKey | None,
    limit: int,
) -> list[LineRow]:
    """At most `limit` lines, newest first, behind `after`."""
    rows = await db.fetch(SQL.lines, device, list(kinds), since, until, *(after or (None,) * 4), limit)
    return [LineRow(**{**row, "fields": msgspec.json.decode(row["fields"]) if row["fields"] else {}}) for row in rows]
