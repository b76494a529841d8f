"""Parcels as the archive hands them out, and what Prometheus holds of them afterwards."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tests.live.prometheus import Server

from eucora import clock
from eucora.stores.ports import Parcel, Reading

CPU = ["eucora_cpu_ratio", {}]
USED = ["eucora_used_bytes", {"mount": "/"}]
MEMORY = ["eucora_memory_ratio", {}]
SHAPES = {1: [CPU, USED], 2: [CPU]}
Points = list[tuple[int, float]]


def reading(device: uuid.UUID, time: datetime, *values: float, received: datetime | None = None) -> Reading:
    """Both series when there are two values, else the first."""
    return Reading(device, time, received or max(time, clock.now()), 1 if len(values) == 2 else 2, values)


def parcel(readings: Sequence[Reading], shapes: Mapping[int, object] = SHAPES) -> Parcel:
    return Parcel(readings, shapes)


def points(server: Server, device: uuid.UUID, metric: str = "eucora_cpu_ratio", days: int = 40) -> Points:
    """Every sample of a metric of a device, by PromQL."""
    at_s = (clock.now() + timedelta(hours=1)).timestamp()
    found = server.query(f'{metric}{{device="{device}"}}[{days}d]', at_s)
    return [(round(time_s * 1000), float(value)) for series in found for time_s, value in series["values"]]


def expected(readings: Sequence[Reading], place: int = 0) -> Points:
    return sorted((clock.to_ms(r.time), r.values[place]) for r in readings)
