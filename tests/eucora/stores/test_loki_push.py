"""Lines are joined to a request by hand: JSON reads back what was told, and no request is larger than it may be."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eucora import clock
from eucora.stores import loki_push
from eucora.stores.loki_push import encode, requests, settle, told
from eucora.stores.ports import Line, Parcel

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SHAPES = {
    1: {"kind": "log", "source": "sshd", "severity": "info"},
    2: {"kind": "crash", "source": "é", "severity": "error"},
}
texts = st.text(max_size=80)
lines = st.builds(
    Line,
    device=st.sampled_from([uuid.UUID(int=n) for n in range(3)]),
    time=st.integers(1, 2 * 10**14).map(lambda us: NOW - timedelta(microseconds=us)),
    received=st.just(NOW),
    marks=st.just(0),
    shape=st.sampled_from([1, 2]),
    id=st.uuids(),
    subject=st.none() | st.uuids(),
    count=st.integers(1, 3),
    text=texts | st.sampled_from(["{a} of {b}", "{{a}}", "{a", "{c}{a}"]),
    fields=st.dictionaries(st.sampled_from(["a", "b", "a.b", ""]), texts | st.integers()),
)


def read(body: bytes) -> dict[str, tuple[dict[str, str], int, str, dict[str, str]]]:
    """(stream, nanoseconds, text, metadata) by id."""
    found = {}
    for stream in json.loads(body)["streams"]:
        for ns, text, said in stream["values"]:
            found[said["id"]] = (stream["stream"], int(ns), text, said)
    return found


@given(st.lists(lines, max_size=8, unique_by=lambda line: line.id))
def test_json_reads_back_every_line_in_its_stream(said: list[Line]) -> None:
    entries, merged, late = settle(Parcel(said, SHAPES))
    found = read(encode(entries))
    assert (len(found), merged, late) == (len(said), 0, 0)
    for line in said:
        stream, ns, text, metadata = found[str(line.id)]
        shape = SHAPES[line.shape]
        assert (stream["kind"], stream["severity"]) == (shape["kind"], shape["severity"])
        assert ns // 1_000 == clock.to_us(line.time)
        assert text == told(line.text, line.fields, shape)
        assert (metadata["device"], metadata["source"]) == (str(line.device), shape["source"])
        assert metadata.get("subject") == (str(line.subject) if line.subject else None)
        assert {n: v for n, v in metadata.items() if n.startswith("field_")}.keys() == {
            "field_" + name.replace(".", "_") for name in line.fields
        }


@given(st.lists(lines, max_size=30, unique_by=lambda line: line.id), st.integers(200, 2_000))
def test_requests_hold_every_entry_once_and_no_more_bytes_than_they_may(said: list[Line], most: int) -> None:
    entries, _, _ = settle(Parcel(said, SHAPES))
    before = loki_push.ONE_REQUEST_BYTES
    loki_push.ONE_REQUEST_BYTES = most
    try:
        cut = list(requests(entries))
    finally:
        loki_push.ONE_REQUEST_BYTES = before
    assert [entry for part in cut for entry in part] == entries
    assert all(len(part) == 1 or sum(len(entry[3]) for entry in part) <= most for part in cut)


def test_fields_stand_in_their_places_and_unknown_ones_stay_named() -> None:
    shape: dict[str, str] = SHAPES[1]
    fields: dict[str, Any] = {"a": "x{b}", "n": 7}
    assert told("{a} of {n}, {unknown} {", fields, shape) == "x{b} of 7, {unknown} {"
    assert told("", fields, shape) == "log of sshd"


def test_half_a_surrogate_costs_no_line() -> None:
    line = Line(uuid.uuid4(), NOW, NOW, 1, 0, uuid.uuid4(), None, 1, "a\ud800", {"b": "c\ud800"})
    entries, _, _ = settle(Parcel([line], SHAPES))
    _, _, text, said = read(encode(entries))[str(line.id)]
    assert (text, said["field_b"]) == ("a�", "c�")
