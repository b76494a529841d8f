"""Spans as OTLP carries them: one resource a device, by its pseudonym. Pure.

Names of attributes: https://opentelemetry.io/docs/specs/semconv/resource/ (service.name, host.id); ours begin with eucora.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from eucora import clock
from eucora.batch import LATE
from eucora.observe.trace import Span as Own
from eucora.stores.ports import Parcel, Span
from eucora.stores.wire_format import field, varint

SERVICE = "eucora-agent"
DEVICES = "eucora.attribute"
"""Before the names of a device's own attributes, so that none passes for ours."""
ONE_REQUEST_SPANS = 2_000
KINDS = {"send": Message.SPAN_KIND_CLIENT, "door": Message.SPAN_KIND_SERVER}
_LONE = re.compile("[\ud800-\udfff]")

Record = tuple[str, int, bytes]
"""(device, milliseconds, the span as it travels)."""


def settle(parcel: Parcel) -> tuple[list[Record], int, int]:
    """Spans by device and time, each id once; how many were merged as repeats, and how many lay in the future."""
    found: dict[tuple[str, bytes, bytes], Record] = {}
    names = {number: _name(shape["name"]) for number, shape in parcel.shapes.items()}
    ahead = 0
    for span in parcel.rows:
        time = span.time
        if time > span.received:
            time, ahead = span.received, ahead + 1
        device, us = str(span.device), clock.to_us(time)
        try:
            message = _message(span, names[span.shape], us)
        except UnicodeEncodeError:  # half a pair of surrogates
            message = _message(_cleaned(span), names[span.shape], us)
        found[device, span.trace_id, span.span_id] = (device, us // 1_000, message)
    records = sorted(found.values(), key=itemgetter(0, 1))
    return records, len(parcel.rows) - len(records), ahead


def _message(span: Span, name: bytes, start_us: int) -> bytes:
    """Field by field, by the numbers of trace.proto: making messages was most of the work."""
    times = _TIMES.pack(b"\x39", start_us * 1_000, b"\x41", (start_us + round(span.duration_s * 1e6)) * 1_000)
    parts = [
        _TRACE,
        span.trace_id,
        _SPAN,
        span.span_id,
        _PARENT[span.parent_id is None],
        span.parent_id or b"",
        name,
        times,
    ]
    for key, value in span.attributes.items():
        said = str(value).encode()
        parts += (_before(key, len(said)), said)
    if span.marks & LATE:
        parts.append(_IS_LATE)
    if span.subject is not None:
        parts.append(field(0x4A, _attribute("eucora.subject", str(span.subject))))
    parts.append(STATES[span.status])
    return b"".join(parts)


def _cleaned(span: Span) -> Span:
    return replace(span, attributes={_clean(name): _clean(str(value)) for name, value in span.attributes.items()})


_TRACE, _SPAN, _PARENT = b"\x0a\x10", b"\x12\x08", (b"\x22\x08", b"")
"""Ids are of 16, 8 and 8 bytes."""


@lru_cache(16_384)
def _before(key: str, length: int) -> bytes:
    """What stands before the value, of so many bytes, of a device's own attribute."""
    whole = field(0x4A, _attribute(f"{DEVICES}.{key}", "\0" * length))
    return whole[: len(whole) - length]


@lru_cache(4_096)
def _name(name: str) -> bytes:
    return field(0x2A, _utf8(name)) + INTERNAL


def _attribute(name: str, value: str) -> bytes:
    """A pair of strings, as a span or a resource holds it."""
    return _key(name) + field(0x12, field(0x0A, _utf8(value)))


@lru_cache(4_096)
def _key(name: str) -> bytes:
    return field(0x0A, _utf8(name))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a pair of surrogates
        return _clean(text).encode()


INTERNAL = b"\x30" + varint(Message.SPAN_KIND_INTERNAL)
STATES = {
    said: field(0x7A, b"\x18" + varint(code))
    for said, code in (
        ("unset", Status.STATUS_CODE_UNSET),
        ("ok", Status.STATUS_CODE_OK),
        ("error", Status.STATUS_CODE_ERROR),
    )
}
_TIMES = struct.Struct("<cQcQ")
_IS_LATE = field(0x4A, _attribute("eucora.late", "true"))


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
    return _LONE.sub("\ufffd", text)


def requests(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """So many at once as one request may hold."""
    for first in range(0, len(records), ONE_REQUEST_SPANS):
        yield records[first : first + ONE_REQUEST_SPANS]


def request(records: Iterable[Record]) -> bytes:
    """An export request: one resource a device."""
    of: dict[str, list[bytes]] = {}
    for device, _, message in records:
        of.setdefault(device, []).append(field(0x12, message))
    return b"".join([field(0x0A, _resource(device) + field(0x12, b"".join(spans))) for device, spans in of.items()])


def _resource(device: str) -> bytes:
    told = {"service.name": SERVICE, "host.id": device}
    return field(0x0A, b"".join([field(0x0A, _attribute(*each)) for each in told.items()]))
