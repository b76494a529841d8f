"""Stage 2: cheapest first. Before the signature holds nothing moves; from then on a bad body has its verdict."""

import base64
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.pipeline.batches import (
    BOOT,
    DEVICE,
    ED25519,
    NOW_MS,
    P256,
    a_payload,
    a_seal,
    arrival,
    rules,
    signer,
)

from eucora.batch import Checked
from eucora.pipeline.collect import Arrival, open_one
from eucora.pipeline.validate import REPLAY_AGE_MS, check, lane_of, validate
from eucora.problems import Refused, TryLater
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import PrivateKey, content_digest
from eucora_wire.payload import encode_one
from eucora_wire.sequence import Items, Tombstone

BODY = encode_one(a_payload())
OTHER = Ed25519PrivateKey.generate()


def checked(given: Arrival, known: Any = None, **changes: Any) -> Checked:
    return check(open_one(given), signer() if known is None else known, rules(**changes))


def refused(given: Arrival, known: Any = None, **changes: Any) -> str:
    with pytest.raises(Refused) as told:
        checked(given, known, **changes)
    return told.value.slug


def too_fast(device: uuid.UUID, lane: str) -> None:
    raise TryLater("too-fast")


@pytest.mark.parametrize("key", [ED25519, P256])
@pytest.mark.parametrize("state", ["active", "replaced"])
def test_a_good_batch_of_an_enrolled_key_passes_also_when_the_key_was_replaced_since(
    key: PrivateKey, state: str
) -> None:
    found = checked(arrival(BODY, key=key), signer(key, state))
    assert (found.verdict, found.body, found.lane) == (None, BODY, "live")
    assert found.seal == a_seal()


@pytest.mark.parametrize("key", [ED25519, P256])
def test_an_altered_header_breaks_the_signature(key: PrivateKey) -> None:
    assert refused(arrival(BODY, key=key, eucora_sequence="2"), signer(key)) == "bad-signature"


def test_an_altered_body_does_not_match_its_digest() -> None:
    given = arrival(BODY)
    assert refused(Arrival(given.headers, BODY + b" ", NOW_MS)) == "digest-mismatch"


def test_an_altered_body_with_a_digest_to_match_breaks_the_signature() -> None:
    given = arrival(BODY, content_digest=content_digest(BODY + b" "))
    assert refused(Arrival(given.headers, BODY + b" ", NOW_MS)) == "bad-signature"


def test_an_unknown_a_foreign_and_a_revoked_key_are_refused() -> None:
    assert refused(arrival(BODY), signer(OTHER)) == "unknown-device"
    assert refused(arrival(BODY), signer(device=uuid.uuid4())) == "unknown-device"
    assert refused(arrival(BODY), signer(state="revoked")) == "revoked-device"


def test_a_signature_under_another_algorithms_name_does_not_hold() -> None:
    given = arrival(BODY)
    renamed = given.headers["signature-input"].replace('"ed25519"', '"ecdsa-p256-sha256"')
    assert refused(Arrival({**given.headers, "signature-input": renamed}, BODY, NOW_MS)) == "bad-signature"


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
@pytest.mark.parametrize("key", [ED25519, P256])
def test_a_signature_of_another_length_does_not_hold(length: int, key: PrivateKey) -> None:
    signature = base64.b64encode(bytes(length)).decode()
    given = arrival(BODY, key=key, signature=f"eucora=:{signature}:")
    if length:
        assert refused(given, signer(key)) == "bad-signature"
    else:
        with pytest.raises(Refused, match="unsigned"):
            open_one(given)


def test_the_order_is_cheapest_first_and_says_nothing_to_strangers() -> None:
    elsewhere = a_seal(installation=uuid.uuid4())
    assert refused(arrival(BODY, elsewhere), signer(OTHER)) == "unknown-device"
    assert refused(arrival(BODY, elsewhere)) == "other-installation"
    with pytest.raises(TryLater):
        checked(arrival(b"not json"), pace=too_fast)
    assert refused(arrival(BODY, elsewhere), pace=too_fast) == "other-installation"


def test_only_a_proved_device_costs_itself_pace() -> None:
    asked: list[tuple[uuid.UUID, str]] = []
    refused(arrival(BODY, eucora_sequence="2"), pace=lambda *who: asked.append(who))
    assert asked == []
    checked(arrival(BODY), pace=lambda *who: asked.append(who))
    assert asked == [(DEVICE, "live")]


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_a_body_that_was_too_large_has_its_verdict_without_the_body() -> None:
    given = arrival(BODY)
    found = checked(Arrival(given.headers, None, NOW_MS))
    assert found.verdict is not None
    assert (found.verdict.slug, found.body) == ("too-large", None)


@pytest.mark.parametrize(
    ("body", "encoding", "slug"),
    [
        (b"{", "identity", "unreadable"),
        (b"", "identity", "unreadable"),
        (BODY, "gzip", "unreadable"),
        (BODY, "zstd", "unreadable"),
        (b" " * 2**20 + BODY, "identity", "inflates-too-much"),
        (b"[]", "identity", "items-mismatch"),
    ],
)
def test_a_body_that_can_not_be_read_is_kept_with_its_verdict(body: bytes, encoding: str, slug: str) -> None:
    found = checked(arrival(body, a_seal(encoding=encoding)))
    assert found.verdict is not None
    assert (found.verdict.slug, found.body) == (slug, body)


def test_a_batch_that_carries_nothing_but_tombstones_is_good() -> None:
    seal = a_seal(items=Items(1, 3, (Tombstone(1, 3, "shed"),)))
    assert checked(arrival(b"[]", seal)).verdict is None


def test_one_bad_batch_of_many_spoils_no_other() -> None:
    opened = [
        open_one(arrival(BODY)),
        Refused("bad-header", "x"),
        open_one(arrival(BODY, key=OTHER)),
        open_one(arrival(BODY)),
    ]
    found = validate(opened, signer(), rules())
    assert [type(each) for each in found] == [Checked, Refused, Refused, Checked]
    assert found[1] is opened[1]


# --- lanes ----------------------------------------------------------------------------------------------------------


@given(age_ms=st.integers(0, 40 * 86_400_000), wall_off_ms=st.integers(-(10**12), 10**13))
def test_the_lane_is_that_of_the_true_age_whatever_the_wall_clock_says(age_ms: int, wall_off_ms: int) -> None:
    sent = format_sent(Sent(Boot(BOOT, 1_000_000 + age_ms), NOW_MS + wall_off_ms))
    seal = a_seal(clock_ms=NOW_MS - age_ms + wall_off_ms)
    lane = lane_of(open_one(arrival(BODY, seal, eucora_sent=sent)))
    assert lane == ("replay" if age_ms > REPLAY_AGE_MS else "live")
