"""The bytes of remote write are what protobuf's own parser reads, and a parcel becomes samples in one order, each once."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import cramjam
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from eucora import clock
from eucora.stores import remote_write
from eucora.stores.ports import Parcel, Reading
from eucora.stores.remote_write import Sample, encode, matcher, name_series, settle

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DEVICE = uuid.UUID("6f1d3a52-7c0b-4c0e-9f43-5a0f0b8f9c11")
CPU, USED = ["eucora_cpu_ratio", {}], ["eucora_used_bytes", {"mount": "/", "a": "1"}]

F = descriptor_pb2.FieldDescriptorProto
MESSAGES = {
    "Label": [("name", F.TYPE_STRING), ("value", F.TYPE_STRING)],
    "Sample": [("value", F.TYPE_DOUBLE), ("timestamp", F.TYPE_INT64)],
    "TimeSeries": [("labels", "Label"), ("samples", "Sample")],
    "WriteRequest": [("timeseries", "TimeSeries")],
}


def protobuf() -> Any:
    """The class WriteRequest, from the published definition."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, 1):
            if isinstance(kind, str):
                named = f".prometheus.{kind}"
                message.field.add(
                    name=field, number=number, type=F.TYPE_MESSAGE, type_name=named, label=F.LABEL_REPEATED
                )
            else:
                message.field.add(name=field, number=number, type=kind, label=F.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


WriteRequest = protobuf()


def read_back(samples: list[Sample]) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    found = WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(remote_write.compress(encode(samples)))))
    told = []
    for series in found.timeseries:
        names = [label.name for label in series.labels]
        assert names == sorted(set(names)), "labels travel sorted, each once"
        told.append(
            ({label.name: label.value for label in series.labels}, [(s.timestamp, s.value) for s in series.samples])
        )
    return told


def reading(time: datetime, shape: int, *values: float, device: uuid.UUID = DEVICE) -> Reading:
    return Reading(device, time, max(time, NOW), shape, values)


def settled(*readings: Reading, shapes: Any = None) -> remote_write.Settled:
    return settle(Parcel(readings, shapes or {1: [CPU, USED], 2: [CPU]}), {})


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(lambda n: n != "device")
moments = st.integers(-(2**40), 2**44)
floats = st.floats(allow_nan=False)


@given(
    st.dictionaries(names, texts, max_size=6),
    st.dictionaries(moments, floats, min_size=1, max_size=20),
    st.integers(0, 2**128 - 1),
)
def test_protobufs_own_parser_reads_what_is_written(
    labels: dict[str, str], values: dict[int, float], number: int
) -> None:
    device = uuid.UUID(int=number)
    at = {clock.EPOCH + timedelta(milliseconds=ms): value for ms, value in values.items()}
    samples = settled(
        *(Reading(device, time, max(time, NOW), 1, [value]) for time, value in at.items()), shapes={1: [["m", labels]]}
    ).samples
    ((told, points),) = read_back(samples)
    assert told == {"__name__": "m", "device": str(device), **labels}
    assert points == sorted(values.items())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2), st.integers(0, 3)), max_size=40))
def test_of_each_series_and_millisecond_the_last_value_stays_and_the_rest_is_counted(
    told: list[tuple[int, int, int]],
) -> None:
    readings = [
        reading(NOW - timedelta(milliseconds=ms), shape, *([float(n)] * (3 - shape)), device=uuid.UUID(int=device))
        for n, (ms, shape, device) in enumerate(told)
    ]
    found = settled(*readings)
    last = {}
    for r in readings:
        for (name, _), value in zip([CPU, USED][: len(r.values)], r.values, strict=True):
            last[name, str(r.device), clock.to_ms(r.time)] = value
    points = {(labels["__name__"], labels["device"], ms): v for labels, of in read_back(found.samples) for ms, v in of}
    assert points == last
    assert found.merged == sum(len(r.values) for r in readings) - len(last)
    assert found.samples == sorted(found.samples, key=lambda s: s[:2])


def test_samples_in_any_order_travel_by_series_and_time() -> None:
    samples = settled(*[reading(NOW - timedelta(seconds=n), 1, float(n), float(n)) for n in range(5)]).samples
    by_time = sorted(samples, key=lambda sample: -sample[1])
    assert read_back(by_time) == read_back(samples)
    assert [len(points) for _, points in read_back(by_time)] == [5, 5]


def test_two_shapes_that_name_one_series_give_one_series() -> None:
    found = settled(reading(NOW, 1, 1.0, 2.0), reading(NOW - timedelta(seconds=1), 2, 3.0))
    assert [len(points) for _, points in read_back(found.samples)] == [2, 1]


def test_a_time_in_the_future_is_cut_to_when_it_was_received_and_counted() -> None:
    found = settled(Reading(DEVICE, NOW + timedelta(days=3650), NOW, 2, [1.0]))
    assert (found.samples[0][1], found.clamped) == (clock.to_ms(NOW), 1)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("a-b", {}),
        ("", {}),
        ('m{x="1"}', {}),
        ("m", {"a-b": "1"}),
        ("m", {"__name__": "other"}),
        ("m", {"device": "another"}),
        ("m", {"a": "b\nc"}),
        ("m", {"a": "b\x00"}),
        ("m", {"a": "\ud800"}),
        ("m", {"a": "x" * 1_025}),
        ("m", {f"l{n}": "x" for n in range(29)}),
    ],
)
def test_what_a_server_would_not_hold_as_it_is_has_no_name(name: str, labels: dict[str, str]) -> None:
    assert name_series(name, labels) is None
    found = settled(Reading(DEVICE, NOW, NOW, 1, [1.0, 2.0]), shapes={1: [[name, labels], CPU]})
    assert found.unnamed == [clock.to_ms(NOW)]
    assert [s[2] for s in found.samples] == [2.0], "its neighbour is told"


def test_an_empty_label_is_none_and_a_label_that_looks_like_syntax_stays_a_value() -> None:
    evil = '",device="x"} or {__name__=~".*"} # \\'
    found = settled(Reading(DEVICE, NOW, NOW, 1, [1.0]), shapes={1: [["m", {"empty": "", "app": evil}]]})
    ((labels, _),) = read_back(found.samples)
    assert labels == {"__name__": "m", "app": evil, "device": str(DEVICE)}


def test_a_matcher_names_one_device() -> None:
    assert matcher(DEVICE) == f'{{device="{DEVICE}"}}'
