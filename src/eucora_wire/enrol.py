"""Enrolment: a token and a CSR against a short-lived certificate; renewal signed by the enrolled key."""

import uuid
from datetime import datetime

from msgspec import Struct


class EnrolRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`csr` is PEM; its key is the one that will sign payloads. `hint` is the agent's wish to keep an id."""

    token: str
    csr: str
    agent_version: str = ""


class RenewRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A CSR with the same or a new key; the request itself is signed (RFC 9421) by the enrolled key."""

    csr: str


class Enrolled(Struct, frozen=True, omit_defaults=True):
    """What an enrolled agent holds: identity, certificate, trusted CAs, where to send, the key to seal log-ons to."""

    device_id: uuid.UUID
    installation: uuid.UUID
    certificate: str
    authorities: str
    expires: datetime
    logon_key: str
    logon_key_id: str
    policy: str
    config: int = 0
    gateway: str = ""


class Config(Struct, frozen=True, omit_defaults=True):
    """GET /v1/config: how often to collect what, under which policy, and how long the spool keeps."""

    version: int
    policy: str
    cadence_s: dict[str, float] = {}
    collect: dict[str, bool] = {}
    spool_max_age_s: float = 28 * 86400.0
    batch_max_items: int = 100
