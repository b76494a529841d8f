"""Stage 2. Cheapest first: key known and not revoked, signature, installation, pace, size, digest; then the body, read
within its bound and held against the schema. Pure but for the pace, which is handed in.

From the signature on, a batch that can't be read is not refused but gets its verdict: its sequence is consumed.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from eucora.batch import Checked, Verdict
from eucora.journal.signers import Signer
from eucora.pipeline.collect import Opened
from eucora.pipeline.inflate import InflatesTooMuch, Unreadable, inflate
from eucora.pipeline.items import judge_items
from eucora.problems import EucoraError, Refused
from eucora_wire.answer import Lane
from eucora_wire.clock import correct
from eucora_wire.dictionary import UnknownDictionary
from eucora_wire.envelope import BadSignature, Signed, digest_matches, verify

REPLAY_AGE_MS = 10 * 60 * 1000
"""A batch older than this when it arrives travels in the replay lane."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a batch is held against. `pace` raises TryLater for a device that sends too fast, or too early in a lane."""

    installation: uuid.UUID
    inflated_max: int
    pace: Callable[[uuid.UUID, Lane], None]


def validate(
    opened: Sequence[Opened | Refused], signers: Mapping[str, Signer], rules: Rules
) -> list[Checked | EucoraError]:
    """Each batch checked, or the reason why nothing of it moves."""
    return [batch if isinstance(batch, Refused) else _check_or_refuse(batch, signers, rules) for batch in opened]


def _check_or_refuse(batch: Opened, signers: Mapping[str, Signer], rules: Rules) -> Checked | EucoraError:
    try:
        return check(batch, signers, rules)
    except EucoraError as reason:
        return reason


def check(batch: Opened, signers: Mapping[str, Signer], rules: Rules) -> Checked:
    """One batch. Raises Refused or TryLater."""
    prove(batch.signed, signers.get(batch.signed.keyid), batch.seal.device)
    if batch.seal.installation != rules.installation:
        raise Refused("other-installation")
    lane = lane_of(batch)
    rules.pace(batch.seal.device, lane)
    body = batch.arrival.body
    if body is not None and not digest_matches(batch.arrival.headers, body):
        raise Refused("digest-mismatch")
    verdict = Verdict("too-large") if body is None else judge(batch, body, rules.inflated_max)
    return Checked(batch.seal, batch.signed, batch.arrival.headers.get("eucora-sent"), lane, verdict, body)


def prove(signed: Signed, signer: Signer | None, device: uuid.UUID) -> None:
    """The key is enrolled for this device, not revoked, and holds the signature. Raises Refused."""
    if signer is None or signer.device != device:
        raise Refused("unknown-device")
    if signer.state == "revoked":
        raise Refused("revoked-device")
    if not _holds(signed, signer):
        raise Refused("bad-signature")


def _holds(signed: Signed, signer: Signer) -> bool:
    try:
        if signer.raw and signed.algorithm == "ed25519":
            # libsodium: 57 us against 106 us of OpenSSL on the reference machine. It wants signature and message in one.
            crypto_sign_open(signed.signature + signed.base, signer.raw)
        else:
            verify(signed, signer.key)
    except (BadSignatureError, BadSignature):
        return False
    return len(signed.signature) == 64


def judge(batch: Opened, body: bytes, inflated_max: int) -> Verdict | None:
    """What is wrong with a signed body; None when nothing is."""
    try:
        inflated = inflate(body, batch.seal.encoding, inflated_max)
    except InflatesTooMuch:
        return Verdict("inflates-too-much")
    except Unreadable:
        return Verdict("unreadable")
    except UnknownDictionary:
        return Verdict("unknown-dictionary")
    return judge_items(inflated, batch.seal)


def lane_of(batch: Opened) -> Lane:
    """By the batch's true age at arrival: over ten minutes it is replay."""
    seal = batch.seal
    age_ms = correct(seal.boot, seal.clock_ms, batch.sent, batch.arrival.received_ms).age_ms
    return "replay" if age_ms > REPLAY_AGE_MS else "live"
