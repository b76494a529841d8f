"""Who sits at the device, as a subject id and never by name: exchanged at log-on, provisional while offline.

On disk a person is a keyed hash; the account itself is held only while it is sealed to the platform's key.
"""

import base64
import hashlib
import hmac
import os
import uuid
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from msgspec import Struct

from eucora_agent import durable
from eucora_agent.ask import signed
from eucora_agent.collectors import Person
from eucora_agent.http2 import Connection
from eucora_agent.identity import Identity
from eucora_agent.log import log
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, TryLater
from eucora_wire.answer import Account, LogonAnswer, LogonRequest
from eucora_wire.envelope import PrivateKey
from eucora_wire.sections.sessions import Session

INFO = b"eucora-logon"
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
FILE, SECRET = "subjects.json", "subjects.key"


class Known(Struct, frozen=True):
    """A person of this device: the id in use, and whether the platform gave it."""

    subject: uuid.UUID
    resolved: bool


class Here(Struct, frozen=True):
    """Who is at the device now, since when, in which session."""

    digest: str
    session: Session


class People:
    """Subject ids by keyed hash of the account, and who is here."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._secret = _secret(folder / SECRET)
        self._known: dict[str, Known] = {}
        if self._file.exists():
            self._known = msgspec.json.decode(self._file.read_bytes(), type=dict[str, Known])
        self.here: Here | None = None

    @property
    def subject(self) -> uuid.UUID | None:
        return None if self.here is None else self.here.session.user_id

    def see(
        self, people: tuple[Person, ...], who: Identity, key: PrivateKey, to: Connection, at: Moment
    ) -> tuple[Session, ...]:
        """What changed: sessions that ended or began. Asks the platform for an id that it has not given yet."""
        person = people[0] if people else None
        digest = None if person is None else self._digest(person)
        if self.here is not None and digest == self.here.digest and self._known[digest or ""].resolved:
            return ()
        ended = () if self.here is None or digest == self.here.digest else (_end(self.here.session, at),)
        if person is None or digest is None:
            self.here = None
            return ended
        session_id = uuid.uuid5(at.boot.id, f"{digest}/{person.session}/{person.since.isoformat()}")
        subject = self._subject(person, digest, session_id, who, key, to, at)
        begun = Session(session_id, subject, who.device_id, person.since)
        if self.here is not None and self.here.session == begun:
            return ended
        self.here = Here(digest, begun)
        return (*ended, begun)

    def _subject(
        self,
        person: Person,
        digest: str,
        session: uuid.UUID,
        who: Identity,
        key: PrivateKey,
        to: Connection,
        at: Moment,
    ) -> uuid.UUID:
        known = self._known.get(digest)
        if known is not None and known.resolved:
            return known.subject
        provisional = known.subject if known is not None else _uuid7(at.wall_ms)
        try:
            answer = log_on(person, provisional if known else None, session, who, key, to, at)
            known = Known(answer.subject, resolved=True)
        except (TryLater, Refused) as exc:
            log("logon_later", reason=type(exc).__name__)
            known = Known(provisional, resolved=False)
        self._known[digest] = known
        durable.write(self._file, msgspec.json.encode(self._known))
        return known.subject

    def _digest(self, person: Person) -> str:
        return hmac.new(self._secret, f"{person.account}\0{person.uid}".encode(), hashlib.sha256).hexdigest()


def log_on(
    person: Person,
    provisional: uuid.UUID | None,
    session: uuid.UUID,
    who: Identity,
    key: PrivateKey,
    to: Connection,
    at: Moment,
) -> LogonAnswer:
    """The account, sealed to the platform's key, against a subject id. Raises TryLater or Refused."""
    account = msgspec.json.encode(Account(name=person.account, uid=person.uid))
    public = X25519PublicKey.from_public_bytes(base64.b64decode(who.logon_key))
    sealed = base64.b64encode(SUITE.encrypt(account, public, INFO)).decode()
    request = LogonRequest(sealed=sealed, key=who.logon_key_id, session_id=session, provisional=provisional)
    told = signed(to, who, key, at, "POST", "/v1/logon", msgspec.json.encode(request), "eucora-logon")
    return msgspec.json.decode(told, type=LogonAnswer)


def _end(session: Session, at: Moment) -> Session:
    return msgspec.structs.replace(session, end=at.now)


def _secret(path: Path) -> bytes:
    if not path.exists():
        durable.write(path, os.urandom(32))
    return path.read_bytes()


def _uuid7(ms: int) -> uuid.UUID:
    tail = int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(
        int=(ms & (1 << 48) - 1) << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 2 << 62 | tail & (1 << 62) - 1
    )
