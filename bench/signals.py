"""What `bench.stores` tells: payloads as devices send them, and the same records as OTLP requests. Pure.

A device's batches are its payloads of minutes past; the OTLP requests are cut as the batches are, one device each, and
hold the names, labels and fields that our own followers tell.
"""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench import fleet
from eucora import clock
from eucora.stores import loki_push, otlp_spans
from eucora.stores.ports import Kind, Line, Parcel, Reading, Span
from eucora_wire.payload import Payload
from eucora_wire.sections.logs import Line as Logged
from eucora_wire.sections.spans import Span as Timed

A_PAYLOAD = 20
"""Lines, or spans, of a payload."""
TEMPLATES = (
    "connection from {address} to port {port} closed after {seconds} s",
    "job {name} of unit {unit} finished with status {code}",
    "disk {name}: {count} sectors reallocated at {address}",
)
STEPS = ("fetch", "verify", "install", "restart")
SOURCES = ("sshd", "systemd", "smartd", "kernel")

# The library's messages have no types of their own.
LogsRequest: Any = logs_service_pb2.ExportLogsServiceRequest
MetricsRequest: Any = metrics_service_pb2.ExportMetricsServiceRequest


def payload(kind: Kind, device: uuid.UUID, at: datetime, salt: int) -> Payload:
    """One payload of a device at a time."""
    if kind == "metrics":
        made = fleet.sample(device, salt)
        return Payload(device_id=device, timestamp=at, hardware=made.hardware, network=made.network, agent=made.agent)
    dice = random.Random(salt)
    each = range(A_PAYLOAD)
    if kind == "lines":
        return Payload(device_id=device, timestamp=at, logs=tuple([_line(dice, at, n) for n in each]))
    return Payload(device_id=device, timestamp=at, spans=tuple([_span(dice, at, n) for n in each]))


def _line(dice: random.Random, at: datetime, n: int) -> Logged:
    template = TEMPLATES[n % len(TEMPLATES)]
    fields = {name: _field(dice, name) for name in _NAMES if "{" + name + "}" in template}
    when = at - timedelta(seconds=A_PAYLOAD - n)
    return Logged(
        id=clock_id(when, dice), time=when, source=SOURCES[n % len(SOURCES)], template=template, fields=fields
    )


_NAMES = ("address", "port", "seconds", "name", "unit", "code", "count")


def _field(dice: random.Random, name: str) -> str:
    if name == "address":
        return f"10.0.{dice.randrange(256)}.{dice.randrange(256)}"
    return str(dice.randrange(1000 if name == "seconds" else 40))


def _span(dice: random.Random, at: datetime, n: int) -> Timed:
    start = at - timedelta(seconds=A_PAYLOAD - n)
    return Timed(
        trace_id=f"{dice.getrandbits(128):032x}",
        span_id=f"{dice.getrandbits(64):016x}",
        name=STEPS[n % len(STEPS)],
        start=start,
        end=start + timedelta(milliseconds=dice.randrange(1, 900)),
        status="ok",
        attributes={"package": f"package-{dice.randrange(40)}", "bytes": str(dice.randrange(10**7)), "outcome": "done"},
    )


def clock_id(when: datetime, dice: random.Random) -> uuid.UUID:
    """A UUIDv7 of a moment."""
    return uuid.UUID(
        int=clock.to_ms(when) << 80 | 7 << 76 | dice.getrandbits(12) << 64 | 2 << 62 | dice.getrandbits(62)
    )


def requests(kind: Kind, parcel: Parcel, rows_at_once: int) -> Iterator[bytes]:
    """The parcel as OTLP requests of one device and so many rows each, in the archive's order."""
    of: dict[uuid.UUID, list[Any]] = {}
    for row in parcel.rows:
        mine = of.setdefault(row.device, [])
        mine.append(row)
        if len(mine) == rows_at_once:
            yield ENCODERS[kind](of.pop(row.device), parcel.shapes)
    for rows in of.values():
        yield ENCODERS[kind](rows, parcel.shapes)


def _metrics(rows: Sequence[Reading], shapes: Mapping[int, Any]) -> bytes:
    made = MetricsRequest()
    resource = made.resource_metrics.add()
    resource.resource.attributes.append(_said("device", str(rows[0].device)))
    scope, points = resource.scope_metrics.add(), {}
    for row in rows:
        for (name, labels), value in zip(shapes[row.shape], row.values, strict=True):
            if name not in points:
                points[name] = scope.metrics.add(name=name).gauge
            point = points[name].data_points.add(time_unix_nano=clock.to_us(row.time) * 1_000, as_double=value)
            point.attributes.extend(_said(*each) for each in labels.items())
    return bytes(made.SerializeToString())


def _lines(rows: Sequence[Line], shapes: Mapping[int, Any]) -> bytes:
    made = LogsRequest()
    resource = made.resource_logs.add()
    resource.resource.attributes.append(_said("service.name", loki_push.SERVICE))
    scope = resource.scope_logs.add()
    for row in rows:
        shape = shapes[row.shape]
        record = scope.log_records.add(
            time_unix_nano=clock.to_us(row.time) * 1_000 + row.id.int % 1_000,
            severity_text=shape["severity"],
            body=AnyValue(string_value=loki_push.told(row.text, row.fields, shape)),
        )
        record.attributes.extend(_said(*each) for each in loki_push.metadata(row, shape["source"]).items())
    return bytes(made.SerializeToString())


def _spans(rows: Sequence[Span], shapes: Mapping[int, Any]) -> bytes:
    records, _, _ = otlp_spans.settle(Parcel(rows, shapes))
    return otlp_spans.request(records)


ENCODERS: Mapping[Kind, Callable[[Any, Mapping[int, Any]], bytes]] = {
    "metrics": _metrics,
    "lines": _lines,
    "spans": _spans,
}


def _said(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))
