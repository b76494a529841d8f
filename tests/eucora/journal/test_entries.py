"""Rows as entries."""

import uuid
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.conformance.journal.device import SENT, Device

from eucora import sealing
from eucora.batch import Verdict
from eucora.journal.entries import DAMAGED, entry_of, headers_of
from eucora_wire.envelope import headers_of as covered_by

KEY = AESGCM(bytes(32))
DIGEST = bytes(range(32))


def row(*, sent=SENT, verdict=None, key_no=7, body=None):
    place = (1, 0, 5, 1, datetime(2026, 1, 1, tzinfo=UTC))
    stream = (uuid.UUID(int=1), uuid.UUID(int=2), 1, 9)
    signed = b'"eucora-sequence": 9\n"@signature-params": ("eucora-sequence")'
    return (*place, *stream, None, "k", signed, sent, DIGEST, verdict, key_no, body)


def test_headers_are_those_that_were_signed():
    batch = Device().seal()
    assert headers_of(batch.signed.base) == covered_by(batch.seal, batch.body)


def test_a_body_opens_under_its_key_and_only_at_its_place():
    sealed = sealing.seal(KEY, b"body", DIGEST)
    assert entry_of(row(body=sealed), {7: KEY}).body == b"body"
    moved = entry_of(row(body=sealing.seal(KEY, b"body", b"another batch")), {7: KEY})
    assert (moved.body, moved.verdict) == (None, DAMAGED)


def test_a_destroyed_key_is_no_damage():
    entry = entry_of(row(body=sealing.seal(KEY, b"body", DIGEST)), {7: None})
    assert (entry.body, entry.verdict, entry.key_no) == (None, None, 7)


def test_a_verdict_comes_back():
    assert entry_of(row(verdict=b'{"slug":"too-large"}', key_no=None), {}).verdict == Verdict("too-large")


@pytest.mark.parametrize("sent", [None, "", "yesterday", "0d6f7a52;t=1;w=2"])
def test_what_can_not_be_read_of_the_sending_was_not_sent(sent):
    assert entry_of(row(sent=sent), {7: KEY}).sent is None
