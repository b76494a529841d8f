"""Digests of state sections: what a device last told of its software, its facts and its sessions, as 43 characters.

Each is the SHA-256 of compact JSON (RFC 8259, UTF-8, no white space) with fields in the order of the schema, absent ones
and defaults left out, times in UTC with `Z`: the same bytes on every machine. A device says them in its heartbeat
(`agent.holds`); the platform computes them of what it holds, and asks for the section whole where they differ.
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

from eucora_wire.delta import digest as digest_of_software
from eucora_wire.sections.device import Device
from eucora_wire.sections.sessions import Context, Session

Section = Literal["software", "device", "sessions"]
SECTIONS: tuple[Section, ...] = ("software", "device", "sessions")


def digest_of_facts(facts: Device) -> str:
    """Of the section `device` as it was told: in the system's own words, before the platform settles them."""
    return _digest(msgspec.structs.replace(facts, boot_time=_utc(facts.boot_time)))


def digest_of_sessions(*sessions: Session) -> str:
    """Of the session that ended last and of the one that goes on, in this order: both as an array, one as itself, none as
    an empty array. A place of which nothing is known is no place."""
    told = tuple(_plain(session) for session in sessions)
    return _digest(told[0] if len(told) == 1 else told)


def _plain(session: Session) -> Session:
    context = None if session.context == Context() else session.context
    start, end = session.start.astimezone(UTC), _utc(session.end)
    return msgspec.structs.replace(session, start=start, end=end, context=context)


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)


def _digest(told: msgspec.Struct | tuple[msgspec.Struct, ...]) -> str:
    found = hashlib.sha256(msgspec.json.encode(told)).digest()
    return f"sha-256=:{base64.b64encode(found).decode()}:"


__all__ = ["SECTIONS", "Section", "digest_of_facts", "digest_of_sessions", "digest_of_software"]
