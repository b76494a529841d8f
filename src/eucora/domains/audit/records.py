"""What the audit trail holds: acts as callers tell them, events as they stand in the chain, signed heads.

Persons stand here by pseudonym only: operators, devices and subjects by id. Whatever names a person goes into `sealed`,
under the subject's key, so that the chain outlives an erasure.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

ActorKind = Literal["operator", "device", "platform", "anonymous"]
Outcome = Literal["done", "refused", "failed"]
AuditClass = Literal["system", "access", "administration", "lifecycle", "personal", "refusal"]
"""system: start, stop · access: sign-in · administration: operators, tokens · lifecycle: enrolment, revocation,
replay, erasure, export · personal: reading what identifies a person · refusal: a person, token, enrolment or batch
turned away."""


class Act(Struct, frozen=True, kw_only=True):
    """One thing done or refused. `act` is noun.verb: `device.enrolled`. `actor` is an id, never a name.

    `origin` is where it came from (an address). `detail` holds text, whole numbers, booleans, lists and objects.
    `sealed` is nonce and ciphertext under `key_no`, made by `eucora.domains.audit.sealed`.
    """

    act: str
    audit_class: AuditClass
    actor_kind: ActorKind
    actor: str
    origin: str = ""
    devices: tuple[uuid.UUID, ...] = ()
    subject: uuid.UUID | None = None
    purpose: str = ""
    outcome: Outcome = "done"
    detail: Mapping[str, Any] = {}
    key_no: int | None = None
    sealed: bytes | None = None


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"audit_class": "class"}):
    """One row of the trail. `digest` is SHA-256 over the canonical JSON of all the other fields."""

    position: int
    at: datetime
    id: uuid.UUID
    actor_kind: str
    actor: str
    origin: str
    act: str
    audit_class: str
    devices: tuple[uuid.UUID, ...]
    subject: uuid.UUID | None
    purpose: str
    outcome: str
    detail: dict[str, Any]
    key_no: int | None
    sealed: bytes | None
    previous: bytes
    digest: bytes


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trail up to `position`, signed with Ed25519 over the canonical JSON of the other fields."""

    installation: uuid.UUID
    position: int
    digest: bytes
    signed_at: datetime
    keyid: str
    signature: bytes


FaultKind = Literal["changed", "hole", "unlinked", "head"]


class Fault(Struct, frozen=True):
    """What is wrong, at which position: a changed row, a row missing, a broken link, a head that does not fit."""

    position: int
    kind: FaultKind
    detail: str


class Verdict(Struct, frozen=True, kw_only=True):
    """What checking the trail found. `heads`: signed heads that were checked against it."""

    whole: bool
    events: int
    heads: int
    position: int
    digest: str
    faults: tuple[Fault, ...] = ()
