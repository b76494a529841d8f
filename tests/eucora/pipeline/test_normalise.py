"""Times are corrected once, by what the entry itself says; what can't be an item is a dead letter under its own ordinal."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Device

from eucora.batch import CORRECTED, CUT, LATE, UNCERTAIN, Checked, Entry, Verdict
from eucora.pipeline.normalise import Limits, normalise
from eucora_wire.clock import parse_sent
from eucora_wire.envelope import headers_of
from eucora_wire.payload import Payload, encode
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import Items, Tombstone

RECEIVED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIMITS = Limits(timedelta(days=28), 2**20)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def device() -> Device:
    return Device(uuid.uuid4(), Ed25519PrivateKey.generate(), uuid.uuid4())


def entry(checked: Checked, *, sent: str | None = "", lane: int = 0) -> Entry:
    """A batch as the journal would hand it out. `sent`: as it was, another, or None for not sent."""
    told = checked.sent if sent == "" else sent
    headers = headers_of(checked.seal, checked.body or b"")
    return Entry(
        0, lane, 7, 1, RECEIVED, checked.seal.device, checked.seal.stream, 3, checked.seal.sequence,
        checked.seal.subject, "k", headers, parse_sent(told) if told else None, b"d" * 32, checked.verdict, 1, checked.body,
    )  # fmt: skip


def at(device: Device, *times: datetime) -> list[Payload]:
    return [Payload(device_id=device.id, timestamp=t, hardware=Hardware(cpu=1.0)) for t in times]


def test_a_right_clock_is_left_alone(device: Device) -> None:
    when = RECEIVED - MINUTE
    (item,) = normalise([entry(device.batch(at(device, when), clock=RECEIVED))], LIMITS).items
    assert (item.time, item.marks, item.shift_ms) == (when, 0, 0)
    assert (item.stream_number, item.ordinal, item.position) == (3, 1, 7)


@pytest.mark.parametrize("wrong_by", [timedelta(days=365 * 72), timedelta(hours=-5)])
def test_a_wrong_clock_is_corrected_by_the_time_since_boot(device: Device, wrong_by: timedelta) -> None:
    sealed = RECEIVED - timedelta(hours=1)
    batch = device.batch(at(device, sealed + wrong_by - MINUTE), clock=sealed + wrong_by, age_s=3600)
    (item,) = normalise([entry(batch)], LIMITS).items
    assert (item.time, item.marks) == (sealed - MINUTE, CORRECTED)
    assert item.payload.timestamp == sealed + wrong_by - MINUTE  # the original is kept


def test_without_a_boot_in_common_the_correction_is_a_guess(device: Device) -> None:
    batch = device.batch(at(device, RECEIVED - MINUTE), clock=RECEIVED - MINUTE)
    (item,) = normalise([entry(batch, sent=None)], LIMITS).items
    assert item.marks == UNCERTAIN


def test_a_time_in_the_future_is_cut_to_the_moment_of_receipt(device: Device) -> None:
    batch = device.batch(at(device, RECEIVED + timedelta(days=400), RECEIVED), clock=RECEIVED)
    cut, now = normalise([entry(batch)], LIMITS).items
    assert (cut.time, cut.marks) == (RECEIVED, CUT)
    assert (now.time, now.marks) == (RECEIVED, 0)


def test_a_sample_older_than_the_spool_keeps_is_a_dead_letter_and_its_neighbours_are_not(device: Device) -> None:
    edge = RECEIVED - timedelta(days=29)
    batch = device.batch(at(device, edge, edge - MINUTE), clock=RECEIVED)
    normal = normalise([entry(batch, lane=1)], LIMITS)
    assert [(i.ordinal, i.time, i.marks) for i in normal.items] == [(1, edge, LATE)]
    (letter,) = normal.dead
    assert (letter.ordinal, letter.reason, letter.path) == (2, "too-old", "$.timestamp")
    assert letter.body is not None
    assert letter.body.startswith(b'{"device_id"')


def test_items_that_the_batch_does_not_carry_keep_the_ordinals_of_the_others(device: Device) -> None:
    items = Items(5, 9, (Tombstone(6, 7, "shed"),))
    batch = device.batch(at(device, RECEIVED, RECEIVED, RECEIVED), clock=RECEIVED, items=items)
    assert [i.ordinal for i in normalise([entry(batch)], LIMITS).items] == [5, 8, 9]


def test_what_the_door_refused_of_a_batch_is_a_dead_letter_and_the_rest_is_not(device: Device) -> None:
    good = encode(at(device, RECEIVED))[1:-1]
    body = zstandard.compress(b"[" + good + b',{"device_id":7},' + good + b"]")
    verdict = Verdict(items=(ItemProblem(2, BASE + "schema", "$.device_id", "Expected `str`"),))
    batch = device.batch(at(device, RECEIVED, RECEIVED, RECEIVED), clock=RECEIVED, body=body, verdict=verdict)
    normal = normalise([entry(batch)], LIMITS)
    assert [i.ordinal for i in normal.items] == [1, 3]
    (letter,) = normal.dead
    assert (letter.ordinal, letter.reason, letter.path) == (2, "schema", "$.device_id")
    assert letter.body == b'{"device_id":7}'


def test_a_batch_that_the_door_refused_whole_is_one_letter(device: Device) -> None:
    batch = device.batch(at(device, RECEIVED, RECEIVED), body=b"nonsense", verdict=Verdict("unreadable"))
    normal = normalise([entry(batch)], LIMITS)
    assert normal.items == []
    assert [(x.ordinal, x.reason, x.body) for x in normal.dead] == [(1, "unreadable", b"nonsense")]


def test_an_entry_whose_key_is_gone_gives_nothing(device: Device) -> None:
    batch = device.batch(at(device, RECEIVED))
    gone = Checked(batch.seal, batch.signed, batch.sent, "live", None, None)
    assert normalise([entry(gone)], LIMITS).items == []
    assert normalise([entry(gone)], LIMITS).dead == []


@given(st.binary(max_size=200), st.sampled_from(("zstd", "gzip", "identity")))
def test_no_bytes_at_all_stop_the_pipeline(body: bytes, encoding: str) -> None:
    device = Device(uuid.uuid4(), Ed25519PrivateKey.generate(), uuid.uuid4())
    batch = device.batch(at(device, RECEIVED), body=body, encoding=encoding)
    normal = normalise([entry(batch)], LIMITS)
    assert len(normal.items) + len(normal.dead) == 1
