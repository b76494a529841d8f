"""How it reaches the platform: enrolled by a token, sealed into a chain, sent through the device plane with its certificate.

Keys live in this process alone, and end with it. What the platform can't take now is sent again when it says so.
"""

import base64
import ssl
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta

import httpx
import msgspec
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import NameOID
from msgspec import Struct

from eucora import clock
from eucora.problems import EucoraError, TryLater
from eucora.sealing import LOGON_INFO, SUITE
from eucora_wire.answer import Account, Answer, LogonAnswer, LogonRequest
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.enrol import Enrolled, EnrolRequest
from eucora_wire.envelope import Envelope, Seal, content_digest, format_digest, parse_signed, seal_batch, sign
from eucora_wire.payload import Payload, encode
from eucora_wire.sequence import FIRST, Items, Tombstone

DOMAIN = "demo.invalid"
PATIENCE_S = 120.0
MS = timedelta(milliseconds=1)
ON_MS = timedelta(days=30) // MS
"""For so long they have been on: longer than this machine need be."""


class Doors(Struct, frozen=True):
    """Where devices knock. `authority`: PEM of what the platform is trusted by."""

    enrolment: str
    device: str
    authority: str


class TurnedAway(EucoraError):
    """A door of the platform turned the simulated fleet away, in its own words."""


class Sender:
    """One simulated device: key, certificate, chain, and a connection while it sends."""

    def __init__(self, doors: Doors, token: str) -> None:
        self._doors = doors
        self._key = ed25519.Ed25519PrivateKey.generate()
        self._enrolled = self._enrol(token)
        self._stream, self._boot = uuid.uuid4(), uuid.uuid4()
        self._sequence, self._ordinal, self._previous = 0, 0, FIRST
        self._client: httpx.Client | None = None

    @property
    def device(self) -> uuid.UUID:
        """Its id, as the platform gave it."""
        return self._enrolled.device_id

    def log_on(self, person: str) -> uuid.UUID:
        """The subject id of an account, which travels sealed."""
        key = X25519PublicKey.from_public_bytes(base64.b64decode(self._enrolled.logon_key))
        account = msgspec.json.encode(Account(person, DOMAIN, display=person.replace(".", " ").title()))
        sealed = base64.b64encode(SUITE.encrypt(account, key, LOGON_INFO)).decode()
        body = msgspec.json.encode(LogonRequest(sealed, self._enrolled.logon_key_id, uuid.uuid4()))
        covered = {
            "content-digest": content_digest(body),
            "content-type": "application/json",
            "eucora-installation": str(self._enrolled.installation),
            "eucora-device": str(self.device),
            "eucora-clock": str(_wall_ms()),
        }
        headers = sign(covered, self._key, created=_wall_ms() // 1000, tag="eucora-logon")
        return msgspec.json.decode(self._post("/v1/logon", body, headers), type=LogonAnswer).subject

    def send(self, payloads: Sequence[Payload], subject: uuid.UUID, age: timedelta, shed: int = 0) -> None:
        """The next batch, sealed `age` ago; before its first item so many were shed. Raises TurnedAway, TryLater."""
        self.deliver(self.seal(payloads, subject, age, shed))

    def seal(self, payloads: Sequence[Payload], subject: uuid.UUID | None, age: timedelta, shed: int = 0) -> Envelope:
        """The next batch, as it travels; it may be delivered whenever, and as often as one likes."""
        first = self._ordinal + 1
        self._sequence += 1
        self._ordinal += shed + len(payloads)
        gone = (Tombstone(first, first + shed - 1, "shed"),) if shed else ()
        seal = Seal(
            installation=self._enrolled.installation,
            device=self.device,
            policy=self._enrolled.policy,
            boot=Boot(self._boot, _uptime_ms() - age // MS),
            stream=self._stream,
            sequence=self._sequence,
            items=Items(first, self._ordinal, gone),
            previous=self._previous,
            clock_ms=_wall_ms() - age // MS,
            subject=subject,
        )
        envelope = seal_batch(seal, zstandard.compress(encode(payloads), 3), self._key)
        self._previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope

    def deliver(self, envelope: Envelope) -> Answer:
        """What the platform answers. Raises TurnedAway, TryLater."""
        sent = format_sent(Sent(Boot(self._boot, _uptime_ms()), _wall_ms()))
        said = self._post("/v1/telemetry", envelope.body, {**envelope.headers, "eucora-sent": sent})
        return msgspec.json.decode(said, type=Answer)

    def hang_up(self) -> None:
        """Until the next batch."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _enrol(self, token: str) -> Enrolled:
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated")])
        csr = x509.CertificateSigningRequestBuilder().subject_name(named).sign(self._key, None)
        pem = csr.public_bytes(serialization.Encoding.PEM).decode()
        body = msgspec.json.encode(EnrolRequest(token=token, csr=pem))
        with httpx.Client(
            http1=False, http2=True, verify=_trusting(self._doors.authority), timeout=30, trust_env=False
        ) as client:
            answer = _patiently(client, f"{self._doors.enrolment}/v1/enrol", body, {"content-type": "application/json"})
        return msgspec.json.decode(answer, type=Enrolled)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        if self._client is None:
            self._client = httpx.Client(http1=False, http2=True, verify=self._tls(), timeout=30, trust_env=False)
        return _patiently(self._client, self._doors.device + path, body, headers)

    def _tls(self) -> ssl.SSLContext:
        context = _trusting(self._doors.authority)
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with tempfile.NamedTemporaryFile(
            suffix=".pem"
        ) as identity:  # OpenSSL reads files only; gone at the end of the block
            identity.write(self._enrolled.certificate.encode() + key)
            identity.flush()
            context.load_cert_chain(identity.name)
        return context


def _patiently(client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The answer's body. Raises TurnedAway, or TryLater when it was put off for too long."""
    ends = clock.monotonic() + PATIENCE_S
    while True:
        try:
            answer = client.post(url, content=body, headers=headers)
        except httpx.TransportError as exc:
            answer, said, wait_s = None, str(exc) or type(exc).__name__, 1.0
        if answer is not None:
            if answer.is_success:
                return answer.content
            said = answer.text
            if answer.status_code not in (429, 503):
                raise TurnedAway(said)
            wait_s = float(answer.headers.get("retry-after", 1))
        if clock.monotonic() + wait_s > ends:
            raise TryLater("journal-unavailable", said)
        time.sleep(wait_s)


def _trusting(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    return context


def _uptime_ms() -> int:
    return int(clock.since_boot_s() * 1000) + ON_MS


def _wall_ms() -> int:
    return clock.to_ms(clock.now())
