"""How a metric is declared, and how samples of it are written for a scraper (Prometheus text format 0.0.4).

Names: eucora_<room>_<noun>[_<unit>], and _total for what only rises. Labels have few values: never a device, never a person.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
ROOMS = ("door", "journal", "digest", "archive", "follower", "audit", "dead", "fleet", "disk")
UNITS = ("seconds", "bytes", "records", "batches", "items", "windows", "devices", "letters", "events", "streams")
GRAMMAR = re.compile(
    rf"eucora_({'|'.join(ROOMS)})(_[a-z]+)*_({'|'.join((*UNITS, 'info', 'healthy', 'paused'))})(_total)?"
)
"""A test holds every declaration to it."""

Kind = Literal["gauge", "counter"]


class Declared(Struct, frozen=True):
    """One metric. A counter's name ends in _total."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()


class Sample(Struct, frozen=True):
    """One value of a metric, under the values of its labels."""

    metric: Declared
    value: float
    labels: tuple[str, ...] = ()


def written(samples: Iterable[Sample]) -> bytes:
    """Samples as a scraper reads them, metric by metric."""
    families: dict[str, Metric] = {}
    for each in samples:
        family = families.get(each.metric.name) or families.setdefault(each.metric.name, _family(each.metric))
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


def _family(metric: Declared) -> Metric:
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name.removesuffix("_total"), metric.about, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
