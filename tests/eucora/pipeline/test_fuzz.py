"""Whatever arrives, the stages before the journal end in a value or in a refusal that is named, and never in a crash;
and what they say about a fault repeats nothing of what was sent.
"""

import contextlib
import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import zstandard
from docs.generate import PUBLISHED, ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.eucora.pipeline.batches import DEVICE, NOW_MS, SENT, a_payload, a_seal, arrival, rules, signer

from eucora.batch import Checked, Verdict
from eucora.pipeline.collect import Arrival, Opened, collect, open_one
from eucora.pipeline.items import judge_items
from eucora.pipeline.validate import check, judge, lane_of
from eucora.problems import Refused
from eucora_wire import payload as wire
from eucora_wire.envelope import OPTIONAL, REQUIRED, BadHeader, Unsigned, parse_signed, read_seal
from eucora_wire.problems import BASE, REGISTRY

SEED = msgspec.json.decode((ROOT / PUBLISHED / "sample/payload-every-section.json").read_bytes())
GOOD = msgspec.json.encode(SEED).replace(SEED["device_id"].encode(), str(DEVICE).encode())
SUBJECT = uuid.UUID(SEED["user_id"])
PLANTED = "quaxwell"
"""A value that no answer may repeat."""

VERDICTS = {"unreadable", "items-mismatch", "schema", "nul-character", "foreign-device", "foreign-subject"}


def judged(body: bytes, count: int = 1) -> Verdict | None:
    """The verdict, which must be of the registry, and about ordinals that the batch accounts for."""
    verdict = judge_items(body, a_seal(count, subject=SUBJECT))
    if verdict is not None:
        slugs = {verdict.slug} if verdict.slug else {item.type.removeprefix(BASE) for item in verdict.items}
        assert slugs
        assert slugs <= VERDICTS
        assert all(1 <= item.item <= count for item in verdict.items)
        assert PLANTED not in msgspec.json.encode(verdict).decode().casefold()
    else:
        assert_can_be_stored(body)
    return verdict


def assert_can_be_stored(body: bytes) -> None:
    """What passed has no NUL, no lone surrogate, and no number that a database lacks."""
    for payload in wire.decode(body):
        text = wire.encode_one(payload).decode("utf-8")
        assert "\\u0000" not in text.replace("\\\\", "")
        assert 1900 <= payload.timestamp.year <= 9998


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just(PLANTED)
    | st.integers(-(10**400), 10**400)
    | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
    | st.uuids().map(str),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10) | st.just(PLANTED), inner, max_size=4)
    ),
    max_leaves=12,
)


def dumped(value: Any) -> bytes:
    """JSON of anything, integers of any size and lone surrogates included."""
    return json.dumps(value).encode()


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """The sample with every section, in which one place holds something else, is gone, or is there twice."""
    found = msgspec.json.decode(GOOD)
    at, holder = found, None
    while isinstance(at, dict | list) and at and draw(st.integers(0, 5)):
        holder, key = at, draw(st.sampled_from(list(at))) if isinstance(at, dict) else draw(st.integers(0, len(at) - 1))
        at = holder[key]
    if holder is not None:
        if isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(st.sampled_from([PLANTED, "x", "\x00", "cpu"]))] = holder.pop(key)
        else:
            holder[key] = draw(json_values)
    return dumped(found)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good body with a few bytes flipped, dropped, doubled or put in."""
    body = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body) - 1))
        what = draw(st.sampled_from(["flip", "drop", "put", "cut", "double"]))
        if what == "flip":
            body[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "drop":
            del body[at : at + draw(st.integers(1, 30))]
        elif what == "put":
            body[at:at] = draw(
                st.sampled_from([b"\x00", b"\\u0000", b"\xff", b"\\ud800", b"1e999", b"[", b"{", b'"', b","])
            )
        elif what == "cut":
            del body[max(1, at) :]
        else:
            body[at:at] = body[at : at + draw(st.integers(1, 60))]
        if not body:
            return b""
    return bytes(body)


def test_the_unspoilt_sample_passes() -> None:
    assert judged(GOOD) is None


def leaves(at: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value that holds no other."""
    if not isinstance(at, dict | list):
        yield path
        return
    for key in at if isinstance(at, dict) else range(len(at)):
        yield from leaves(at[key], (*path, key))


@pytest.mark.parametrize("value", [PLANTED, PLANTED + "\x00", [PLANTED], {PLANTED: PLANTED}])
def test_no_field_repeats_what_was_put_into_it(value: Any) -> None:
    places = list(leaves(msgspec.json.decode(GOOD)))
    assert len(places) > 100
    for *way, last in places:
        found = at = msgspec.json.decode(GOOD)
        for key in way:
            at = at[key]
        at[last] = value
        judged(msgspec.json.encode(found))


@given(body=st.binary(max_size=400))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\x00")
@example(b"[" * 5000)
@example(b'{"a":' * 5000)
@example(b'[{"a":"\\u0000"},' + b"[" * 5000 + b"]" * 5000 + b"]")
@example(b'{"device_id":' + b"9" * 5000 + b"}")
def test_any_bytes_at_all_have_a_verdict(body: bytes) -> None:
    assert judged(body) is not None


@settings(max_examples=500)
@given(body=mangled())
def test_a_mangled_body_has_a_verdict_or_is_good(body: bytes) -> None:
    judged(body)


@settings(max_examples=500)
@given(body=spoilt())
def test_a_body_with_something_else_in_one_place_has_a_verdict_or_is_good(body: bytes) -> None:
    judged(body)


@given(items=st.lists(spoilt() | st.just(GOOD) | json_values.map(dumped), min_size=1, max_size=6))
def test_good_items_are_never_among_the_rejected_ones(items: list[bytes]) -> None:
    verdict = judged(b"[" + b",".join(items) + b"]", len(items))
    if verdict is not None and not verdict.slug:
        assert not {item.item for item in verdict.items} & {n for n, item in enumerate(items, 1) if item == GOOD}


@given(value=json_values, key=st.text(max_size=10))
def test_a_key_that_is_there_twice_counts_as_its_last_and_hides_nothing(value: Any, key: str) -> None:
    twice = GOOD[:-1] + b"," + dumped({key: value})[1:]
    once = dumped({**msgspec.json.decode(GOOD), key: value})
    found, wanted = judged(twice), judged(once)
    assert (found is None) == (wanted is None)


@given(
    body=st.binary(max_size=200) | mangled(),
    encoding=st.sampled_from(["identity", "gzip", "zstd"]),
    packed=st.booleans(),
)
def test_any_body_in_any_encoding_has_a_verdict_or_is_good(body: bytes, encoding: str, packed: bool) -> None:
    if packed:
        body = {"identity": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[encoding](body)
    seal = a_seal(encoding=encoding, subject=SUBJECT)
    verdict = judge(open_one(arrival(body, seal)), body, 10_000)
    assert verdict is None or verdict.slug in REGISTRY or verdict.items


# --- headers --------------------------------------------------------------------------------------------------------

NAMES = [*REQUIRED, *OPTIONAL, "signature", "signature-input", "eucora-sent"]
values = st.one_of(
    st.text(max_size=60),
    st.text('0123456789-+;=:,. "()abcdef', max_size=60),
    st.sampled_from(["", "-", "0", "-0", "1" * 5000, "٣", "1-1", "1-9007199254740991", "1-2;shed=1-2", "none", "lost"]),
    st.just(PLANTED),
)
changes = st.dictionaries(st.sampled_from(NAMES), values | st.none(), min_size=1, max_size=4)


def changed(headers: dict[str, str], what: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**headers, **what}.items() if value is not None}


@settings(max_examples=400)
@given(what=changes)
def test_any_headers_are_read_or_refused_by_name(what: dict[str, str | None]) -> None:
    given = arrival(GOOD)
    headers = changed(dict(given.headers), what)
    (found,) = collect([Arrival(headers, GOOD, NOW_MS)])
    if isinstance(found, Refused):
        assert found.slug in REGISTRY
        assert PLANTED not in msgspec.json.encode(found.document).decode()
        return
    assert lane_of(found) in ("live", "replay")
    with contextlib.suppress(Refused):
        assert isinstance(check(found, signer(), rules()), Checked)


@settings(max_examples=400)
@given(what=changes)
def test_the_wires_own_readers_raise_only_what_they_name(what: dict[str, str | None]) -> None:
    headers = changed(dict(arrival(GOOD).headers), what)
    try:
        parse_signed(headers)
        seal = read_seal(headers)
    except (BadHeader, Unsigned) as told:
        said = str(told)
    else:
        said = ""
        assert 1 <= seal.items.first <= seal.items.last
        assert len(seal.items.carried()) == seal.items.carried_count() >= 0
    assert PLANTED not in said


@settings(max_examples=200)
@given(
    signed=st.text(max_size=200) | st.from_regex(r'eucora=\(("[a-z-]+" ?)*\);created=[0-9]+;keyid="[A-Za-z0-9_-]*".*')
)
def test_any_signature_input_is_parsed_or_unsigned(signed: str) -> None:
    headers = {**arrival(GOOD).headers, "signature-input": signed, "eucora-sent": SENT}
    found = collect([Arrival(headers, GOOD, NOW_MS)])[0]
    assert isinstance(found, Opened) or found.slug in ("unsigned", "bad-header")


def test_the_time_of_a_payload_may_be_any_that_is_sent() -> None:
    for year in (1, 1899, 1900, 2099, 9998, 9999):
        judged(wire.encode_one(a_payload()).replace(b"2026", f"{year:04}".encode()))
