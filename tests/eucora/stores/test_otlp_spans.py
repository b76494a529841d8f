"""Spans are written by hand: protobuf's own parser reads back what was told."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from eucora import clock
from eucora.batch import LATE
from eucora.stores.otlp_spans import request, settle
from eucora.stores.ports import Parcel, Span

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CODES = {"unset": 0, "ok": 1, "error": 2}
texts = st.text(max_size=300)
spans = st.builds(
    Span,
    device=st.sampled_from([uuid.UUID(int=n) for n in range(3)]),
    time=st.integers(1, 2 * 10**14).map(lambda us: NOW - timedelta(microseconds=us)),
    received=st.just(NOW),
    marks=st.sampled_from([0, LATE]),
    shape=st.sampled_from([1, 2]),
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_id=st.none() | st.binary(min_size=8, max_size=8),
    subject=st.none() | st.uuids(),
    duration_s=st.integers(0, 10**12).map(lambda us: us / 1_000_000),
    status=st.sampled_from(list(CODES)),
    attributes=st.dictionaries(texts, texts | st.integers() | st.booleans(), max_size=4),
)


def read(body: bytes) -> list[tuple[str, Message]]:
    """(device, span), in order."""
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        told = {a.key: a.value.string_value for a in resource.resource.attributes}
        assert told["service.name"] == "eucora-agent"
        found += [(told["host.id"], span) for scope in resource.scope_spans for span in scope.spans]
    return found


def expected(span: Span, name: str) -> dict[str, Any]:
    said = {f"eucora.attribute.{key}": str(value) for key, value in span.attributes.items()}
    said |= {"eucora.late": "true"} if span.marks & LATE else {}
    said |= {"eucora.subject": str(span.subject)} if span.subject else {}
    start = clock.to_us(span.time) * 1_000
    length = timedelta(seconds=span.duration_s) // timedelta(microseconds=1) * 1_000
    return {"name": name, "start": start, "end": start + length, "code": CODES[span.status], "said": said}


def shown(span: Message) -> dict[str, Any]:
    return {
        "name": span.name,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "code": span.status.code,
        "said": {a.key: a.value.string_value for a in span.attributes},
    }


@given(st.lists(spans, max_size=8, unique_by=lambda s: (s.device, s.trace_id, s.span_id)), texts)
def test_protobuf_reads_back_every_span_of_every_device(told: list[Span], name: str) -> None:
    names = {1: {"name": name}, 2: {"name": "boot"}}
    records, merged, ahead = settle(Parcel(told, names))
    found = {(device, s.trace_id, s.span_id): s for device, s in read(request(records))}
    assert (len(found), merged, ahead) == (len(told), 0, 0)
    for span in told:
        message = found[str(span.device), span.trace_id, span.span_id]
        assert shown(message) == expected(span, names[span.shape]["name"])
        assert (message.parent_span_id or None, message.kind) == (span.parent_id, Message.SPAN_KIND_INTERNAL)


def test_half_a_surrogate_costs_no_span() -> None:
    span = Span(uuid.uuid4(), NOW, NOW, 1, 0, b"t" * 16, b"s" * 8, None, None, 0.0, "ok", {"a\ud800": "b\ud800"})
    records, _, _ = settle(Parcel([span], {1: {"name": "c\ud800"}}))
    ((_, found),) = read(request(records))
    assert (found.name, found.attributes[0].key) == ("c�", "eucora.attribute.a�")
    assert found.attributes[0].value.string_value == "b�"
