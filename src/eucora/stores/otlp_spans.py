"""Spans as OTLP carries them: one resource a device, by its pseudonym. Pure.

Names of attributes: https://opentelemetry.io/docs/specs/semconv/resource/ (service.name, host.id); ours begin with eucora.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from eucora import clock
from eucora.batch import LATE
from eucora.observe.trace import Span as Own
from eucora.stores.ports import Parcel, Span

SERVICE = "eucora-agent"
STATES = {"unset": Status.STATUS_CODE_UNSET, "ok": Status.STATUS_CODE_OK, "error": Status.STATUS_CODE_ERROR}
ONE_REQUEST_SPANS = 2_000
KINDS = {"send": Message.SPAN_KIND_CLIENT, "door": Message.SPAN_KIND_SERVER}
_LONE = re.compile("[\ud800-\udfff]")

Record = tuple[str, int, Any]
"""(device, milliseconds, the span's message)."""


def settle(parcel: Parcel) -> tuple[list[Record], int, int]:
    """Spans by device and time, each id once; how many were merged as repeats, and how many lay in the future."""
    found: dict[tuple[str, bytes, bytes], Record] = {}
    ahead = 0
    for span in parcel.rows:
        future = span.time > span.received
        ahead += future
        device = str(span.device)
        message = _message(span, parcel.shapes[span.shape]["name"], future)
        found[device, span.trace_id, span.span_id] = (device, message.start_time_unix_nano // 1_000_000, message)
    records = sorted(found.values(), key=lambda record: record[:2])
    return records, len(parcel.rows) - len(records), ahead


def _message(span: Span, name: str, future: bool) -> Message:
    start = clock.to_us(span.received if future else span.time) * 1_000
    length = timedelta(seconds=span.duration_s) // timedelta(microseconds=1) * 1_000
    told = {**{f"eucora.attribute.{key}": value for key, value in span.attributes.items()}, **_ours(span)}
    return Message(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id or b"",
        name=_clean(name),
        kind=Message.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start,
        end_time_unix_nano=start + length,
        status=Status(code=STATES[span.status]),
        attributes=list(_attributes(told)),
    )


def _ours(span: Span) -> dict[str, str]:
    """What the platform knows of it. A device's own attributes have a prefix, so that none passes for these."""
    said = {"eucora.late": "true"} if span.marks & LATE else {}
    return said if span.subject is None else {**said, "eucora.subject": str(span.subject)}


def own(spans: Sequence[Own]) -> ExportTraceServiceRequest:
    """The platform's own: one resource a service; of what the agent did, and the door, by the device."""
    made = ExportTraceServiceRequest()
    of: dict[tuple[str, str], Any] = {}
    for span in spans:
        device = span.attributes.get("eucora.device", "") if span.service == SERVICE else ""
        if (span.service, device) not in of:
            resource = made.resource_spans.add()
            told = {"service.name": span.service, **({"host.id": device} if device else {})}
            resource.resource.attributes.extend(_attributes(told))
            of[span.service, device] = resource.scope_spans.add()
        of[span.service, device].spans.append(_own(span))
    return made


def _own(span: Own) -> Message:
    return Message(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id or b"",
        name=span.name,
        kind=KINDS.get(span.name, Message.SPAN_KIND_INTERNAL),
        start_time_unix_nano=span.start_us * 1_000,
        end_time_unix_nano=max(span.start_us, span.end_us) * 1_000,
        attributes=list(_attributes(span.attributes)),
    )


def _attributes(told: Mapping[str, Any]) -> Iterator[KeyValue]:
    for name, value in told.items():
        yield KeyValue(key=_clean(name), value=AnyValue(string_value=_clean(str(value))))


def _clean(text: str) -> str:
    return _LONE.sub("�", text)


def requests(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """So many at once as one request may hold."""
    for first in range(0, len(records), ONE_REQUEST_SPANS):
        yield records[first : first + ONE_REQUEST_SPANS]


def request(records: Iterable[Record]) -> ExportTraceServiceRequest:
    """One resource a device."""
    made = ExportTraceServiceRequest()
    of: dict[str, Any] = {}
    for device, _, message in records:
        if device not in of:
            resource = made.resource_spans.add()
            resource.resource.attributes.extend(_attributes({"service.name": SERVICE, "host.id": device}))
            of[device] = resource.scope_spans.add()
        of[device].spans.append(message)
    return made
