"""The seed's own messages are accepted exactly; what the contract does not know, or can't hold, is refused by path."""

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eucora_wire import payload
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware, Volume
from eucora_wire.sections.logs import Line
from eucora_wire.sections.network import Network
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Package, Software

DEVICE = "0199a1c2-7c1b-7d3e-9f10-0123456789ab"

# Seed §4.2, field for field, with values in the types it names.
SEED_PAYLOAD: dict[str, Any] = {
    "device_id": DEVICE,
    "user_id": "0199a1c2-7c1b-7d3e-9f10-aaaaaaaaaaaa",
    "timestamp": "2026-11-24T03:58:00.123Z",
    "hardware": {"cpu": 12.5, "memory": 61.0, "disk": 83.2, "thermal": 54.0, "battery": 97.0},
    "software": {"packages": [{"name": "bash", "version": "5.2.15-2+b7", "signature": "a" * 64}]},
    "network": {"latency_ms": 12.4, "throughput_mbps": 94.1, "proxy": False},
    "agent": {"version": "0.1.0", "queue_depth": 3, "status": "healthy"},
}

# Seed §9.
SEED_SESSION: dict[str, Any] = {
    "session_id": "0199a1c2-7c1b-7d3e-9f10-bbbbbbbbbbbb",
    "user_id": "0199a1c2-7c1b-7d3e-9f10-aaaaaaaaaaaa",
    "device_id": DEVICE,
    "start": "2026-11-24T03:58:00Z",
    "end": "2026-11-24T11:58:00Z",
    "context": {"network": "corp", "vpn": True, "geo": "IN"},
}


def decoded(**changes: Any) -> Payload:
    return payload.decode(json.dumps({**SEED_PAYLOAD, **changes}).encode())[0]


def test_the_seeds_payload_is_accepted_exactly() -> None:
    found = decoded()
    assert json.loads(payload.encode_one(found)) == {**SEED_PAYLOAD, "timestamp": "2026-11-24T03:58:00.123000Z"}


@pytest.mark.parametrize("status", ["healthy", "degraded", "offline"])
def test_the_agents_status_is_one_of_the_seeds_three(status: str) -> None:
    found = decoded(agent={"version": "1", "queue_depth": 0, "status": status}).agent
    assert found is not None
    assert found.status == status


def test_the_seeds_session_is_accepted_exactly() -> None:
    found = msgspec.json.decode(json.dumps(SEED_SESSION), type=Session)
    assert json.loads(msgspec.json.encode(found)) == SEED_SESSION
    assert decoded(sessions=[SEED_SESSION]).sessions == (found,)


@pytest.mark.parametrize("network", ["corp", "home", "public"])
def test_a_session_takes_place_on_one_of_the_seeds_three_networks(network: str) -> None:
    context = {**SEED_SESSION["context"], "network": network}
    assert decoded(sessions=[{**SEED_SESSION, "context": context}]).sessions[0].context.network == network  # type: ignore[union-attr]


def test_a_payload_is_one_object_or_an_array_of_them() -> None:
    one = json.dumps(SEED_PAYLOAD).encode()
    assert payload.decode(one) == payload.decode(b"[" + one + b"]") == payload.decode(b" \n[" + one + b"]")
    assert len(payload.decode(b"[" + one + b"," + one + b"]")) == 2
    assert [payload.decode_item(raw) for raw in payload.split(b"[" + one + b"]")] == payload.decode(one)


def test_one_bad_item_does_not_hide_the_good_ones() -> None:
    good, bad = json.dumps(SEED_PAYLOAD), json.dumps({**SEED_PAYLOAD, "hardware": {"cpu": 250}})
    first, second, third = payload.split(f"[{good},{bad},{good}]".encode())
    assert payload.decode_item(first) == payload.decode_item(third)
    with pytest.raises(msgspec.ValidationError, match=r"\$\.hardware\.cpu"):
        payload.decode_item(second)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"device_id": "laptop-7"}, "$.device_id"),
        ({"timestamp": "2026-11-24T03:58:00"}, "$.timestamp"),
        ({"timestamp": "yesterday"}, "$.timestamp"),
        # Putting either of these into UTC overflows the calendar.
        ({"timestamp": "0001-01-01T00:00:00+23:59"}, "a time before 1900"),
        ({"timestamp": "9999-12-31T23:59:59-23:59"}, "a time before 1900"),
        ({"sessions": [{**SEED_SESSION, "end": "9999-12-31T23:59:59-23:59"}]}, "$.sessions[0]"),
        # More than any column holds.
        ({"hardware": {"memory_total": 10**400}}, "$.hardware.memory_total"),
        ({"hardware": {"uptime": 1e300}}, "$.hardware.uptime"),
        ({"withheld": {"rule": 10**30}}, "$.withheld"),
        ({"withheld": {"rule": -1}}, "$.withheld"),
        ({"hardware": {"cpu": 250}}, "$.hardware.cpu"),
        ({"hardware": {"cpu": -1}}, "$.hardware.cpu"),
        ({"hardware": {"cpu": "12"}}, "$.hardware.cpu"),
        ({"hardware": {"gpu": 1}}, "gpu"),
        ({"weather": "fine"}, "weather"),
        ({"network": {"proxy": "no"}}, "$.network.proxy"),
        ({"agent": {"version": "1", "queue_depth": 0, "status": "fine"}}, "$.agent.status"),
        ({"agent": {"version": "1", "status": "healthy"}}, "$.agent"),
        ({"software": {"packages": [{"name": "x", "version": "1", "signature": "md5"}]}}, "signature"),
        ({"software": {"packages": [{"name": "a\x00b", "version": "1"}]}}, "name"),
        ({"software": {"packages": [{"name": "a\n", "version": "1"}]}}, "name"),
        ({"software": {"packages": [{"name": "x", "version": "1", "signature": "a" * 64 + "\n"}]}}, "signature"),
        ({"software": {"packages": [{"name": "", "version": "1"}]}}, "name"),
        ({"software": {}}, "$.software"),
        ({"software": {"packages": [], "delta": {"base": "x", "result": "y"}}}, "$.software"),
        ({"sessions": [{**SEED_SESSION, "context": {"geo": "India"}}]}, "geo"),
        ({"spans": [{"trace_id": "x"}]}, "$.spans[0]"),
    ],
)
def test_what_the_contract_does_not_know_is_refused_by_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as told:
        decoded(**changes)
    assert path in str(told.value)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[", b"[{]", b"NaN", b'{"device_id"', b"\xff\xfe", b"[1,2", b"[" * 10_000, b'{"\x80":1}']
)
def test_what_is_not_json_is_a_decode_error_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        payload.decode(body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    body = f'{{"device_id":"{DEVICE}","timestamp":"2026-11-24T03:58:00Z","hardware":{{"cpu":{number}}}}}'
    with pytest.raises(msgspec.DecodeError):
        payload.decode(body.encode())


def test_what_a_machine_lacks_is_absent_from_the_wire() -> None:
    bare = Payload(
        device_id=uuid.UUID(DEVICE), timestamp=datetime(2026, 11, 24, tzinfo=UTC), hardware=Hardware(cpu=1.0)
    )
    assert json.loads(payload.encode_one(bare)) == {
        "device_id": DEVICE,
        "timestamp": "2026-11-24T00:00:00Z",
        "hardware": {"cpu": 1.0},
    }


times = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
shares = st.none() | st.floats(0, 100)
payloads = st.builds(
    Payload,
    device_id=st.uuids(),
    timestamp=times,
    user_id=st.none() | st.uuids(),
    hardware=st.none()
    | st.builds(
        Hardware,
        cpu=shares,
        memory=shares,
        disk=shares,
        thermal=st.none() | st.floats(-90, 250),
        battery=shares,
        volumes=st.lists(
            st.builds(Volume, mount=words, total=st.floats(0, 1e15), used=st.floats(0, 1e15)), max_size=3
        ).map(tuple),
    ),
    software=st.none()
    | st.builds(Software, packages=st.lists(st.builds(Package, name=words, version=words), max_size=4).map(tuple)),
    network=st.none()
    | st.builds(Network, latency_ms=st.none() | st.floats(0, 600_000), proxy=st.none() | st.booleans()),
    logs=st.lists(
        st.builds(
            Line,
            id=st.uuids(),
            time=times,
            source=words,
            template=words,
            fields=st.dictionaries(st.sampled_from(["items", "took.s", "a-b"]), words),
        ),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(payloads, max_size=4))
@settings(max_examples=60)
def test_what_is_encoded_is_decoded_as_it_was(drawn: list[Payload]) -> None:
    assert payload.decode(payload.encode(drawn)) == drawn
    assert [payload.decode_item(raw) for raw in payload.split(payload.encode(drawn))] == drawn


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_at_all_are_decoded_or_refused_and_never_crash(body: bytes) -> None:
    try:
        found = payload.decode(body)
    except msgspec.DecodeError:
        return
    assert all(isinstance(one, Payload) for one in found)


@given(payloads, st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
@settings(max_examples=200)
def test_a_mangled_payload_is_decoded_or_refused_and_never_crashes(drawn: Payload, place: int, junk: bytes) -> None:
    body = payload.encode([drawn])
    at = place % len(body)
    try:
        payload.decode(body[:at] + junk + body[at + 1 :])
    except msgspec.DecodeError:
        return
