"""A batch is signed as the contract has it, dated by the clock of its items, and sealed anew without a change."""

import uuid
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora_agent.identities import POLICY, identity
from tests.eucora_agent.spooling import BOOT, boot, opened

from eucora_agent import keys, seal
from eucora_agent.moment import Moment
from eucora_agent.spool_head import Head, Pending, nothing
from eucora_wire import dictionary
from eucora_wire.clock import Boot
from eucora_wire.dictionary import PLAIN, newest, number_of
from eucora_wire.envelope import Envelope, digest_matches, format_digest, parse_signed, read_seal, verify
from eucora_wire.payload import Payload, decode, encode_one
from eucora_wire.sequence import Items, Tombstone

WALL = 1_795_500_000_000
KEY = Ed25519PrivateKey.generate()
WHO = identity()
AT = Moment(Boot(BOOT, 100_000), WALL + 100_000)


def payloads(count: int, device: uuid.UUID = WHO.device_id) -> tuple[bytes, ...]:
    return tuple(encode_one(Payload(device, AT.now, uuid.uuid4())) for _ in range(count))


def pending(bodies: tuple[bytes, ...], mark: str = "", gone: tuple[Tombstone, ...] = ()) -> Pending:
    count = len(bodies) + sum(t.last - t.first + 1 for t in gone)
    return Pending(Items(1, count, gone), mark, bodies, 2, 0, 0, 90_000)


def sealed(what: Pending, at: Moment = AT, head: Head | None = None, packed_with: int = PLAIN) -> Envelope:
    now = seal.mark(None, POLICY, at, None)
    return seal.maker(what, WHO, KEY, at, now, packed_with)(head or Head(uuid.uuid4()), ())[0]


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_a_batch_verifies_and_says_where_it_stands(kind: str) -> None:
    key, head = keys.make(kind), Head(uuid.uuid4(), sequence=6, previous=format_digest(b"\1" * 32))
    mark = seal.mark(uuid.uuid4(), POLICY, AT, None)
    what = pending(payloads(2), seal.write_mark(mark))
    envelope, digest = seal.maker(what, WHO, key, AT, mark)(head, ())
    signed = parse_signed(envelope.headers)
    verify(signed, key.public_key())
    assert digest_matches(envelope.headers, envelope.body)
    assert digest == format_digest(signed.batch_digest)
    told = read_seal(envelope.headers)
    assert (told.stream, told.sequence, told.previous) == (head.stream, 7, head.previous)
    assert (told.device, told.installation, told.subject) == (WHO.device_id, WHO.installation, mark.subject)
    assert (told.boot, told.clock_ms) == (AT.boot, AT.wall_ms)
    assert [encode_one(p) for p in decode(zstandard.decompress(envelope.body))] == list(what.bodies)


def test_a_batch_is_dated_by_the_clock_of_its_items_when_that_was_set_since() -> None:
    mark = seal.mark(None, POLICY, AT, None)
    set_since = Moment(Boot(BOOT, 160_000), WALL + 160_000 + 10**12)
    told = read_seal(sealed(pending(payloads(1), seal.write_mark(mark)), set_since).headers)
    assert (told.boot.uptime_ms, told.clock_ms) == (160_000, WALL + 160_000)


def test_a_batch_of_another_boot_is_dated_by_its_last_item() -> None:
    mark = seal.mark(None, POLICY, AT, None)
    later = Moment(Boot(uuid.uuid4(), 5_000), WALL + 10**9)
    told = read_seal(sealed(pending(payloads(1), seal.write_mark(mark)), later).headers)
    assert told.boot == Boot(BOOT, 90_000)
    assert told.clock_ms == WALL + 90_000


def test_tombstones_alone_are_nobodys() -> None:
    now = seal.mark(uuid.uuid4(), POLICY, AT, None)
    items = Items(3, 4, (Tombstone(3, 4, "shed"),))
    envelope, _ = seal.maker(nothing(items), WHO, KEY, AT, now)(Head(uuid.uuid4()), ())
    told = read_seal(envelope.headers)
    assert (told.subject, told.items, zstandard.decompress(envelope.body)) == (None, items, b"[]")


@given(st.lists(st.integers(-600, 600), min_size=1, max_size=60))
def test_the_mark_changes_exactly_when_the_wall_clock_left_its_offset_by_more_than_a_second(drifts: list[int]) -> None:
    """A drift below a second a beat adds up, and is seen when it has."""
    mark, wall = seal.mark(None, POLICY, AT, None), AT.wall_ms
    for beat, drift in enumerate(drifts, 1):
        wall += 60_000 + drift
        at = Moment(Boot(BOOT, AT.boot.uptime_ms + beat * 60_000), wall)
        before, mark = mark, seal.mark(None, POLICY, at, mark)
        true = wall - at.boot.uptime_ms
        assert (mark == before) == (abs(true - before.offset_ms) <= 1_000)
        assert abs(mark.offset_ms - true) <= 1_000


def test_a_mark_is_of_one_person_policy_and_boot() -> None:
    mark = seal.mark(None, POLICY, AT, None)
    assert seal.mark(None, POLICY, AT, mark) == mark
    assert seal.mark(uuid.uuid4(), POLICY, AT, mark) != mark
    assert seal.mark(None, format_digest(b"\2" * 32), AT, mark) != mark
    assert seal.mark(None, POLICY, Moment(Boot(uuid.uuid4(), 100_000), AT.wall_ms), mark) != mark
    assert seal.read_mark(seal.write_mark(mark), mark) == mark


@given(count=st.integers(2, 9), gone=st.sets(st.integers(1, 9), max_size=6))
def test_halves_carry_the_same_under_the_same_ordinals_and_name_the_void_one(count: int, gone: set[int]) -> None:
    absent = tuple(Tombstone(n, n, "shed") for n in sorted(gone))
    last = max([0, *gone])
    free = [n for n in range(1, 99) if n not in gone][:count]
    items = Items(1, max(last, free[-1]), tuple(t for t in absent if t.first <= max(last, free[-1])))
    bodies = payloads(len(items.carried()))
    what = Pending(items, seal.write_mark(seal.mark(uuid.uuid4(), POLICY, AT, None)), bodies, 2, 0, 0, 0)
    whole = sealed(what)
    found, head = [], Head(uuid.uuid4(), sequence=1)
    for part in seal.halves(whole, WHO, KEY, voids=True):
        found.append(part.make(head, ())[0])
        assert read_seal(found[-1].headers).items == part.items
    told = [read_seal(e.headers) for e in found]
    assert [n for t in told for n in t.items.carried()] == items.carried()
    assert (told[0].items.first, told[0].items.last + 1, told[1].items.last) == (1, told[1].items.first, items.last)
    assert [b for e in found for b in seal.bodies_of(e)] == list(bodies)
    assert {t.voids for t in told} == {1}
    assert {(t.subject, t.policy, t.boot, t.clock_ms) for t in told} == {
        (s.subject, s.policy, s.boot, s.clock_ms) for s in [read_seal(whole.headers)]
    }


def test_halves_are_packed_as_the_whole_was() -> None:
    for number in (PLAIN, newest()):
        whole = sealed(pending(payloads(4)), packed_with=number)
        parts = seal.otherwise("too-large", whole, WHO, KEY, voids=True)
        assert [number_of(p.make(Head(uuid.uuid4(), sequence=1), ())[0].body) for p in parts] == [number, number]


def test_a_batch_whose_dictionary_is_not_known_travels_again_without_it_and_names_the_void_one() -> None:
    bodies = payloads(3)
    whole = sealed(pending(bodies), packed_with=newest())
    (part,) = seal.otherwise("unknown-dictionary", whole, WHO, KEY, voids=True)
    again = part.make(Head(uuid.uuid4(), sequence=1), ())[0]
    assert (number_of(whole.body), number_of(again.body)) == (newest(), PLAIN)
    assert zstandard.decompress(again.body) == b"[" + b",".join(bodies) + b"]"
    was, now = read_seal(whole.headers), read_seal(again.headers)
    assert (now.items, now.clock_ms, now.boot, now.voids) == (was.items, was.clock_ms, was.boot, was.sequence)
    assert seal.otherwise("unknown-dictionary", again, WHO, KEY, voids=True) == []
    assert seal.otherwise("unreadable", whole, WHO, KEY, voids=True) == []


@pytest.mark.parametrize("refusal", ["unknown-dictionary", "too-large"])
def test_a_refused_batch_that_cannot_be_read_stays_as_it_was_refused(
    refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a dead letter of the platform's by then."""
    whole = sealed(pending(payloads(3)), packed_with=newest())
    monkeypatch.setattr(dictionary, "DIGESTS", {})
    dictionary.content.cache_clear()
    assert seal.otherwise(refusal, whole, WHO, KEY, voids=True) == []


def test_one_item_has_no_halves() -> None:
    assert seal.halves(sealed(pending(payloads(1))), WHO, KEY, voids=True) == []


def test_a_batch_for_another_stream_holds_the_same_bytes_and_is_as_old() -> None:
    before = sealed(pending(payloads(3)))
    part = seal.again(before, WHO, KEY)
    assert part is not None
    after, _ = part.make(Head(uuid.uuid4()), ())
    assert after.body == before.body
    old, new = read_seal(before.headers), read_seal(after.headers)
    assert (new.items, new.boot, new.clock_ms, new.subject) == (old.items, old.boot, old.clock_ms, old.subject)
    assert (new.stream == old.stream, new.voids) == (False, None)
    verify(parse_signed(after.headers), KEY.public_key())


def test_after_enrolling_anew_old_payloads_speak_for_the_new_name() -> None:
    old = identity()
    before, _ = seal.maker(pending(payloads(2, old.device_id)), old, KEY, AT, seal.mark(None, POLICY, AT, None))(
        Head(uuid.uuid4()), ()
    )
    part = seal.again(before, WHO, KEY)
    assert part is not None
    after, _ = part.make(Head(uuid.uuid4()), ())
    fresh = sealed(pending(payloads(2, old.device_id)))
    for envelope in (after, fresh):
        assert {p.device_id for p in decode(zstandard.decompress(envelope.body))} == {WHO.device_id}
        assert read_seal(envelope.headers).device == WHO.device_id


def test_the_spool_signs_a_chain(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for body in payloads(3):
        spool.append(body, "", 2, boot())
        what = spool.pending(10)
        assert what is not None
        spool.seal(what, seal.maker(what, WHO, KEY, AT, seal.mark(None, POLICY, AT, None)))
    found = [spool.batch(x.number) for x in spool.sealed()]
    headers = [e.headers for e in found if e is not None]
    digests = [format_digest(parse_signed(h).batch_digest) for h in headers]
    assert [h["eucora-previous"] for h in headers] == ["none", *digests[:2]]
