"""Who sits at the device, as a subject id and never by name: exchanged at log-on, provisional while offline.

On disk a person is a keyed hash; the account itself is held only while it is sealed to the platform's key.
"""

import base64
import hashlib
import hmac
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from msgspec import Struct

from eucora_agent import durable
from eucora_agent.ask import read_as, signed
from eucora_agent.collectors import Person
from eucora_agent.http2 import Connection
from eucora_agent.identity import Identity
from eucora_agent.log import log
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, SpoolFull, TryLater
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


class Seen(Struct, frozen=True):
    """Which session ended and which began. A batch speaks of one person: each is told under its own subject."""

    ended: Session | None
    begun: Session | None


Ask = Callable[[Person, uuid.UUID | None, uuid.UUID], LogonAnswer]
"""(person, the provisional id used so far, session)."""


class People:
    """Subject ids by keyed hash of the account, and who is here."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._secret = _secret(folder / SECRET)
        self._known: dict[str, Known] = {}
        with suppress(FileNotFoundError, msgspec.DecodeError):  # damaged: every person is asked for anew
            self._known = msgspec.json.decode(self._file.read_bytes(), type=dict[str, Known])
        self.here: Here | None = None
        self._is_kept = True

    @property
    def subject(self) -> uuid.UUID | None:
        return None if self.here is None else self.here.session.user_id

    @property
    def session(self) -> Session | None:
        """That which goes on."""
        return None if self.here is None else self.here.session

    def see(self, people: tuple[Person, ...], device: uuid.UUID, at: Moment, ask: Ask | None) -> Seen:
        """What changed. `ask` exchanges an account for an id; None while the platform is not to be troubled."""
        person = people[0] if people else None
        before = self.session
        if person is None:
            self.here = None
            return Seen(_end(before, at), None)
        digest = self._digest(person)
        session_id = uuid.uuid5(at.boot.id, f"{digest}/{person.session}/{person.since.isoformat()}")
        now = Session(session_id, self._subject(person, digest, session_id, at, ask), device, person.since)
        self.here = Here(digest, now)
        goes_on = before is not None and before.session_id == session_id
        return Seen(None if goes_on else _end(before, at), None if now == before else now)

    def _subject(self, person: Person, digest: str, session: uuid.UUID, at: Moment, ask: Ask | None) -> uuid.UUID:
        known = self._known.get(digest)
        if known is not None and (known.resolved or ask is None):
            self._keep()
            return known.subject
        used = None if known is None else known.subject
        found = Known(used or _uuid7(at.wall_ms), resolved=False)
        if ask is not None:
            try:
                found = Known(ask(person, used, session).subject, resolved=True)
            except (TryLater, Refused) as exc:
                log("logon_later", reason=exc.slug if isinstance(exc, Refused) else exc.reason)
        if found != known:
            self._known[digest], self._is_kept = found, False
        self._keep()
        return found.subject

    def _keep(self) -> None:
        """What a full disk does not take now it is given again."""
        if not self._is_kept:
            with suppress(SpoolFull):
                durable.write(self._file, msgspec.json.encode(self._known))
                self._is_kept = True

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
    return read_as(told, LogonAnswer)


def _end(session: Session | None, at: Moment) -> Session | None:
    return session and msgspec.structs.replace(session, end=at.now)


def _secret(path: Path) -> bytes:
    if not path.exists():
        durable.write(path, os.urandom(32))
    return path.read_bytes()


def _uuid7(ms: int) -> uuid.UUID:
    tail = int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(
        int=(ms & (1 << 48) - 1) << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 2 << 62 | tail & (1 << 62) - 1
    )
