"""The bytes of remote write 2.0 are what protobuf's own parser reads, and they say the same as those of 1.0."""

import uuid
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.stores.test_remote_write import NOW, floats, moments, names, read_back, reading, settled, texts

from eucora.stores.remote_write import Sample, field, sample, varint
from eucora.stores.remote_write2 import encode, pairs

F = descriptor_pb2.FieldDescriptorProto
MESSAGES: dict[str, list[tuple[str, int, Any, bool]]] = {
    "Sample": [("value", 1, F.TYPE_DOUBLE, False), ("timestamp", 2, F.TYPE_INT64, False)],
    "Metadata": [
        ("type", 1, F.TYPE_INT32, False), ("help_ref", 3, F.TYPE_UINT32, False), ("unit_ref", 4, F.TYPE_UINT32, False),
    ],
    "TimeSeries": [
        ("labels_refs", 1, F.TYPE_UINT32, True), ("samples", 2, "Sample", True), ("metadata", 5, "Metadata", False),
    ],
    "Request": [("symbols", 4, F.TYPE_STRING, True), ("timeseries", 5, "TimeSeries", True)],
}  # fmt: skip


def protobuf() -> Any:
    """The class Request, from the published definition."""
    file = descriptor_pb2.FileDescriptorProto(name="write2.proto", package="io.prometheus.write.v2", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for said, number, kind, repeated in fields:
            label = F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL
            given = (
                {"type": F.TYPE_MESSAGE, "type_name": f".io.prometheus.write.v2.{kind}"}
                if isinstance(kind, str)
                else {"type": kind}
            )
            message.field.add(name=said, number=number, label=label, **given)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("io.prometheus.write.v2.Request"))


Request = protobuf()


def parsed(samples: list[Sample]) -> Any:
    found = Request.FromString(encode(samples))
    assert found.symbols[0] == ""
    assert len(set(found.symbols)) == len(found.symbols), "each text once"
    return found


def told(samples: list[Sample]) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    found = parsed(samples)
    series = []
    for each in found.timeseries:
        said = [found.symbols[ref] for ref in each.labels_refs]
        series.append((dict(zip(said[::2], said[1::2], strict=True)), [(s.timestamp, s.value) for s in each.samples]))
    return series


@given(st.dictionaries(names, texts, max_size=6), st.dictionaries(moments, floats, min_size=1, max_size=20))
def test_it_says_what_version_one_says(labels: dict[str, str], values: dict[int, float]) -> None:
    shapes = {1: [["m", labels], ["n_total", {}]]}
    rows = [reading(NOW, 1, *[value] * 2, device=uuid.UUID(int=n % 3)) for n, value in enumerate(values.values())]
    samples = settled(*rows, shapes=shapes).samples
    assert told(samples) == read_back(samples)
    assert told(samples[::-1]) == read_back(samples)


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [("system_uptime_seconds", 2, "seconds"), ("eucora_agent_cpu_seconds_total", 1, "seconds"), ("m", 2, "")],
)
def test_what_a_series_is_goes_with_it(name: str, kind: int, unit: str) -> None:
    found = parsed(settled(reading(NOW, 1, 1.0), shapes={1: [[name, {}]]}).samples)
    (series,) = found.timeseries
    assert (series.metadata.type, found.symbols[series.metadata.unit_ref]) == (kind, unit)
    if name == "system_uptime_seconds":
        assert found.symbols[series.metadata.help_ref] == "Time since boot"


@given(st.lists(st.tuples(texts, texts), max_size=5))
def test_labels_are_read_back_from_version_one(given_pairs: list[tuple[str, str]]) -> None:
    written = b"".join(
        field(0x0A, field(0x0A, name.encode()) + field(0x12, value.encode())) for name, value in given_pairs
    )
    assert pairs(written) == tuple(given_pairs)


@given(st.integers(0, 2**63))
def test_a_varint_is_seven_bits_a_byte(number: int) -> None:
    found = sum((byte & 0x7F) << 7 * n for n, byte in enumerate(varint(number)))
    assert found == number
    assert sample(number % 2**40, 1.5)
