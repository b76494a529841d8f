"""The arithmetic of the trail: canonical JSON (RFC 8785), row digests, signed heads, and the check of a whole chain.

Pure, so that an export is verified without a database. Numbers are whole and below 2^53: no float is ever in a row.
"""

import hashlib
import json
import uuid
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eucora.domains.audit.records import Event, Fault, FaultKind, Head, Verdict
from eucora_wire.envelope import thumbprint

BEGINNING = bytes(32)
"""What the first row has for `previous`."""

FAULTS_TOLD = 100
_WHOLE = 2**53


def canonical(value: Any) -> bytes:
    """RFC 8785 of text, whole numbers, booleans, None, lists and objects. Raises TypeError or ValueError for others."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _ordered(value: Any) -> Any:
    """Objects by the UTF-16 code units of their names, which is where RFC 8785 and Python's order of text differ."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_ordered(part) for part in value]
    if isinstance(value, int) and not -_WHOLE < value < _WHOLE:
        raise ValueError("a number in the audit trail is below 2^53")
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} can't stand in the audit trail")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def plain(value: Any) -> Any:
    """A row as JSON knows it: ids and moments as text (UTC, microseconds), bytes as base64."""
    if isinstance(value, Event | Head):
        return {field.encode_name: plain(getattr(value, field.name)) for field in msgspec.structs.fields(type(value))}
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def digest_of(event: Event) -> bytes:
    """What `event.digest` must be."""
    return hashlib.sha256(canonical({k: v for k, v in plain(event).items() if k != "digest"})).digest()


def _untouched(event: Event) -> bool:
    try:
        return digest_of(event) == event.digest
    except (TypeError, ValueError):  # what has no canonical form was never written by us
        return False


def sign(installation: uuid.UUID, position: int, digest: bytes, now: datetime, key: Ed25519PrivateKey) -> Head:
    """The head of the trail at `position`."""
    unsigned = Head(
        installation=installation,
        position=position,
        digest=digest,
        signed_at=now,
        keyid=thumbprint(key.public_key()),
        signature=b"",
    )
    return msgspec.structs.replace(unsigned, signature=key.sign(_statement(unsigned)))


def holds(head: Head, key: Ed25519PublicKey) -> bool:
    """Whether the signature is that key's."""
    try:
        key.verify(head.signature, _statement(head))
    except InvalidSignature:
        return False
    return True


def _statement(head: Head) -> bytes:
    return canonical({k: v for k, v in plain(head).items() if k != "signature"})


def check(trail: Iterable[Event | Head], key: Ed25519PublicKey) -> Verdict:
    """Walk the trail in its order; a head may stand anywhere behind the event that it signs, or at the very end."""
    walk = Walk(key)
    for record in trail:
        walk.take(record)
    return walk.end()


class Walk:
    """A check under way, fed a record at a time.

    1 each row's digest is that of its content · 2 positions have no hole · 3 each row names the digest of the one
    before · 4 each head is signed with our key and fits the row at its position · 5 a trail that does not begin at 1
    (older rows aged out) begins right behind a signed head.
    """

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self._events = self._heads = self._told = 0
        self._position = 0
        self._digest = BEGINNING
        self._anchors: dict[int, bytes] = {}
        self._waiting: dict[int, bytes] = {}
        self._faults: list[Fault] = []

    def take(self, record: Event | Head) -> None:
        """The next event, or a head."""
        if isinstance(record, Head):
            self._head(record)
        else:
            self._event(record)

    def _event(self, event: Event) -> None:
        if not _untouched(event):
            self._fault(event.position, "changed", "the row is not what its digest says")
        if self._events == 0 and event.position != 1:
            if self._anchors.get(event.position - 1) != event.previous:
                self._fault(event.position, "hole", "the rows before it are gone and no signed head vouches for them")
        elif event.position != self._position + 1:
            self._fault(event.position, "hole", f"it follows position {self._position}")
        elif event.previous != self._digest:
            self._fault(event.position, "unlinked", "it does not name the row before it")
        self._events += 1
        self._position, self._digest = event.position, event.digest
        signed = self._waiting.pop(event.position, None)
        if signed is not None:
            self._compare(event.position, signed)

    def _head(self, head: Head) -> None:
        self._heads += 1
        if not holds(head, self._key):
            self._fault(head.position, "head", "its signature is not that of the key it was checked with")
        elif head.position > self._position or self._events == 0:
            self._anchors[head.position] = self._waiting[head.position] = head.digest
        elif head.position == self._position:
            self._compare(head.position, head.digest)

    def _compare(self, position: int, signed: bytes) -> None:
        if signed != self._digest:
            self._fault(position, "head", "the row is not the one that was signed")

    def _fault(self, position: int, kind: FaultKind, detail: str) -> None:
        self._told += 1
        if self._told <= FAULTS_TOLD:
            self._faults.append(Fault(position, kind, detail))

    def end(self) -> Verdict:
        """The verdict. A head beyond the last row tells of rows that were cut off."""
        for position in sorted(self._waiting):
            if position > self._position:
                self._fault(position, "head", f"it was signed, but the trail ends at {self._position}")
        return Verdict(
            whole=not self._told,
            events=self._events,
            heads=self._heads,
            position=self._position,
            digest=b64encode(self._digest).decode(),
            faults=tuple(self._faults),
        )
