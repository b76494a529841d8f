"""How a device comes in: a token's use, the device's row, its key and the audit event, all at once or not at all."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from eucora.domains.audit import Act, ActorKind, record
from eucora.domains.devices import site
from eucora.journal import signers
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.postgres import translated
from eucora_wire.envelope import Algorithm

SQL = load(__file__, "enrolment.sql")


class Applicant(Struct, frozen=True):
    """Who wants in: the key proved by the request for a certificate, and where it came from."""

    keyid: str
    algorithm: Algorithm
    public_key: bytes
    origin: str


async def enrol(pool: Pool, secret: str, applicant: Applicant, now: datetime) -> uuid.UUID:
    """The new device's id, random in its low bits. Raises Refused (bad-token, bad-request, revoked-device), TryLater.

    The same key with the same token again is the same device, and costs no use: its first answer was lost on the way.
    """
    digest = hashlib.sha256(secret.encode()).digest()
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            known = await tx.fetchval(SQL.device_of_key, applicant.keyid)
            token = await tx.fetchrow(SQL.use_token if known is None else SQL.known_token, digest, now)
            if token is None:
                raise Refused("bad-token")
            device = known or await _add(tx, applicant, token["site"], token["simulated"], now)
            detail = {"token": str(token["token_id"]), "key": applicant.keyid, "again": known is not None}
            await record(tx, now, [_act("device.enrolled", device, applicant.origin, detail)])
    return device


async def _add(tx: Transaction, applicant: Applicant, belongs: str | None, simulated: bool, now: datetime) -> uuid.UUID:
    device = uuid.uuid4()
    await tx.execute(SQL.add_device, device, now, simulated)
    if belongs is not None:
        await site.say(tx, device, belongs, now)
    await signers.register(tx, applicant.keyid, device, applicant.algorithm, applicant.public_key)
    return device


async def renew(pool: Pool, signer: signers.Signer, applicant: Applicant, now: datetime) -> None:
    """The key of the request may sign for the signer's device; the signer is replaced when it is another one.

    A key that was replaced may only ask again for the one that took its place: its first answer was lost on the way.
    Raises Refused, TryLater.
    """
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            state = await _state_of(tx, signer)
            known = await tx.fetchval(SQL.device_of_key, applicant.keyid)
            if state != "active" and known != signer.device:
                raise Refused("unknown-device", "this key was replaced: sign with the newer one")
            if known is None:
                await signers.register(tx, applicant.keyid, signer.device, applicant.algorithm, applicant.public_key)
                await signers.replace(tx, signer.keyid)
            elif known != signer.device:
                raise Refused("bad-request", "this key is enrolled for another device: make a new one")
            detail = {"key": applicant.keyid, "signed_by": signer.keyid}
            await record(tx, now, [_act("device.renewed", signer.device, applicant.origin, detail)])


async def _state_of(tx: Transaction, signer: signers.Signer) -> str:
    """Decided under the device's lock, which a revocation takes first: no key slips in behind its back."""
    enrolled = await tx.fetchval(SQL.lock_device, signer.device)
    state = await tx.fetchval(SQL.state_of_key, signer.keyid) if enrolled else "revoked"
    if state == "revoked":
        raise Refused("revoked-device")
    return str(state)


async def refuse(pool: Pool, act: str, reason: str, device: uuid.UUID | None, origin: str, now: datetime) -> None:
    """One event for each enrolment, renewal or log-on that was turned away."""
    kind: ActorKind = "device" if device else "anonymous"
    actor, devices = (str(device), (device,)) if device else ("", ())
    told = Act(act=act, audit_class="refusal", actor_kind=kind, actor=actor, origin=origin, devices=devices,
               outcome="refused", detail={"reason": reason})  # fmt: skip
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            await record(tx, now, [told])


def _act(act: str, device: uuid.UUID, origin: str, detail: Mapping[str, object]) -> Act:
    return Act(act=act, audit_class="lifecycle", actor_kind="device", actor=str(device), origin=origin,
               devices=(device,), detail=detail)  # fmt: skip
