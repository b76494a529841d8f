"""How a metric is declared, and how samples of it are written for a scraper (Prometheus text format 0.0.4).

Names: eucora_<room>_<noun>[_<unit>], and _total for what only rises. Labels have few values: never a device, never a person.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
ROOMS = (
    "door",
    "journal",
    "digest",
    "drift",
    "archive",
    "follower",
    "audit",
    "dead",
    "fleet",
    "disk",
    "stage",
    "store",
    "freshness",
)
UNITS = ("seconds", "bytes", "records", "batches", "items", "windows", "devices", "letters", "events", "streams")
GRAMMAR = re.compile(
    rf"eucora_({'|'.join(ROOMS)})(_[a-z]+)*_({'|'.join((*UNITS, 'info', 'healthy', 'paused'))})(_total)?"
)
"""A test holds every declaration to it."""

SEED = ("agent_heartbeat_failures", "deployment_success_total", "deployment_failure_total", "queue_depth")
"""Named by the specification itself; its latency_p50, _p95 and _p99 are rules (deploy/prometheus/rules)."""

Kind = Literal["gauge", "counter", "histogram"]


class Declared(Struct, frozen=True):
    """One metric. A counter's name ends in _total. `buckets`: upper bounds of a histogram's, without the last (+Inf)."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


class Sample(Struct, frozen=True):
    """One value of a metric, under the values of its labels; of a histogram the sum, and how many fell into each bucket."""

    metric: Declared
    value: float
    labels: tuple[str, ...] = ()
    counts: tuple[float, ...] = ()


def written(samples: Iterable[Sample]) -> bytes:
    """Samples as a scraper reads them, metric by metric."""
    families: dict[str, Metric] = {}
    for each in samples:
        family = families.get(each.metric.name) or families.setdefault(each.metric.name, _family(each.metric))
        if isinstance(family, HistogramMetricFamily):
            family.add_metric(each.labels, _buckets(each), each.value)
        else:
            family.add_metric(each.labels, each.value)  # type: ignore[attr-defined]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Of(families))
    return generate_latest(registry)


class _Of(Collector):
    """What is to be written, once."""

    def __init__(self, families: Mapping[str, Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families.values()


def _buckets(sample: Sample) -> Sequence[tuple[str, float]]:
    """As Prometheus counts: each bucket holds those below it, too."""
    bounds = (*map(repr, sample.metric.buckets), "+Inf")
    return list(zip(bounds, accumulate(sample.counts), strict=True))


def _family(metric: Declared) -> Metric:
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name.removesuffix("_total"), metric.about, labels=metric.labels)
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.name, metric.about, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
