"""Whatever is done to a trail, checking it says so; and what was not touched is whole."""

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from eucora.domains.audit.chain import BEGINNING, canonical, check, plain, sign
from eucora.domains.audit.records import Act, Event, Head
from eucora.domains.audit.verify import verify_lines
from eucora.domains.audit.write import chained

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HOUSE = uuid.UUID(int=7)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
acts = st.builds(
    Act,
    act=st.sampled_from(["device.enrolled", "sign-in", "subject.forgotten"]),
    audit_class=st.sampled_from(["access", "lifecycle"]),
    actor_kind=st.sampled_from(["operator", "device"]),
    actor=texts,
    origin=texts,
    devices=st.lists(st.uuids(), max_size=2).map(tuple),
    subject=st.none() | st.uuids(),
    purpose=texts,
    outcome=st.sampled_from(["done", "refused"]),
    detail=st.dictionaries(texts, values, max_size=3),
    sealed=st.none() | st.binary(max_size=20),
)


def chain(told: list[Act]) -> list[Event]:
    rows: list[Event] = []
    for number, act in enumerate(told, 1):
        rows.append(chained(act, number, NOW + timedelta(seconds=number), rows[-1].digest if rows else BEGINNING))
    return rows


def signed(event: Event) -> Head:
    return sign(HOUSE, event.position, event.digest, NOW, KEY)


def lines(trail: list[Event | Head]) -> list[bytes]:
    return [msgspec.json.encode({"event" if isinstance(r, Event) else "head": plain(r)}) for r in trail]


trails = st.lists(acts, min_size=2, max_size=6).map(chain)


@given(trails)
def test_an_untouched_trail_is_whole_here_and_as_exported_lines(rows: list[Event]) -> None:
    trail = [*rows, signed(rows[-1])]
    for verdict in (check(trail, KEY.public_key()), verify_lines(lines(trail), KEY.public_key())):
        assert verdict.whole, verdict.faults
        assert (verdict.events, verdict.heads, verdict.position) == (len(rows), 1, len(rows))


@given(trails, st.data())
def test_any_changed_field_is_found(rows: list[Event], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(acts.map(lambda act: chained(act, at + 1, NOW, BEGINNING)))
    field = data.draw(st.sampled_from([f for f in Event.__struct_fields__ if f not in ("position", "digest")]))
    value = getattr(other, field)
    if value == getattr(rows[at], field):
        return
    changed = [*rows[:at], msgspec.structs.replace(rows[at], **{field: value}), *rows[at + 1 :]]
    verdict = check(changed, KEY.public_key())
    assert not verdict.whole
    assert (verdict.faults[0].position, verdict.faults[0].kind) == (at + 1, "changed")


@given(trails, st.data())
def test_a_row_rewritten_with_its_digest_breaks_the_link_or_the_signed_head(
    rows: list[Event], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    act = data.draw(acts)
    forged = chained(act, at + 1, rows[at].at, rows[at].previous)
    verdict = check([*rows[:at], forged, *rows[at + 1 :], signed(rows[-1])], KEY.public_key())
    assert verdict.whole == (forged.digest == rows[at].digest)


@given(trails, st.data())
def test_a_missing_row_is_found(rows: list[Event], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    verdict = check([*rows[:at], *rows[at + 1 :], signed(rows[-1])], KEY.public_key())
    assert not verdict.whole


@given(trails, st.randoms(use_true_random=False))
def test_another_order_is_found(rows: list[Event], random: Any) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    assert check(mixed, KEY.public_key()).whole == (mixed == rows)


def test_a_whole_trail_made_anew_is_found_by_the_head_that_was_signed_before() -> None:
    act = Act(act="a", audit_class="access", actor_kind="platform", actor="x")
    honest = chain([act, act])
    forged = chain([act, msgspec.structs.replace(act, actor="y")])
    assert check(forged, KEY.public_key()).whole
    verdict = check([*forged, signed(honest[-1])], KEY.public_key())
    assert [fault.kind for fault in verdict.faults] == ["head"]


def test_a_head_of_another_key_is_found() -> None:
    rows = chain([Act(act="a", audit_class="access", actor_kind="platform", actor="x")])
    head = sign(HOUSE, 1, rows[0].digest, NOW, Ed25519PrivateKey.generate())
    assert not check([*rows, head], KEY.public_key()).whole


def test_a_trail_whose_beginning_aged_out_is_whole_behind_a_signed_head_only() -> None:
    rows = chain([Act(act="a", audit_class="access", actor_kind="platform", actor="x")] * 5)
    assert check([signed(rows[1]), *rows[2:]], KEY.public_key()).whole
    assert not check(rows[2:], KEY.public_key()).whole


@pytest.mark.parametrize("line", [b"", b"{}", b'{"event": 1}', b"\xff", b'{"event": null, "more": 1}'])
def test_a_line_that_is_no_record_is_a_fault(line: bytes) -> None:
    assert not verify_lines([line], KEY.public_key()).whole


@pytest.mark.parametrize("value", [1.5, {"a": 2.0}, 2**53, b"bytes", {"a": {1}}])
def test_what_has_no_canonical_form_can_not_be_told(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


def test_canonical_json_is_that_of_rfc_8785() -> None:
    # RFC 8785, 3.2.3: names are ordered by their UTF-16 code units.
    given = {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew", "1": "One", "\U0001f600": "Emoji",
             "\u0080": "Control", "\u00f6": "Latin"}  # fmt: skip
    told = canonical(given).decode()
    assert list(json.loads(told).values()) == [
        "Carriage Return", "One", "Control", "Latin", "Euro Sign", "Emoji", "Hebrew"]  # fmt: skip
    # 3.2.2.2: the shortest escapes, lower-case hexadecimal, everything else as it is.
    assert canonical('\u20ac$\u000f\nA\'B"\\\\"/') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


def test_the_digest_is_what_anybody_can_compute_from_an_exported_line() -> None:
    event = chain([Act(act="a", audit_class="access", actor_kind="operator", actor="x", detail={"n": 1})])[0]
    row = json.loads(lines([event])[0])["event"]
    digest = row.pop("digest")
    told = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert msgspec.json.decode(json.dumps(digest), type=bytes) == hashlib.sha256(told).digest()
