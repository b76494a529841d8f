"""A simulated device of a running platform: enrolled through the real listener, a key and one chain of its own."""

import base64
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import zstandard
from bench import fleet
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from tests.platform import Up

from eucora.sealing import LOGON_INFO, SUITE
from eucora_wire.answer import Account, LogonAnswer, LogonRequest
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import Envelope, Seal, content_digest, format_digest, parse_signed, seal_batch, sign
from eucora_wire.payload import Payload, encode
from eucora_wire.sequence import Items

MS = timedelta(milliseconds=1)
UPTIME = timedelta(days=30)
"""For so long it has been on already, which this machine need not have been: it may have sealed long ago."""


@dataclass
class Device:
    """Seals payloads into its chain, and asks the device plane over one connection, made anew when it breaks."""

    own: fleet.Device
    tls: ssl.SSLContext
    url: str
    client: httpx.Client | None = None

    @property
    def id(self) -> uuid.UUID:
        return self.own.enrolled.device_id

    def seal(
        self, payloads: Sequence[Payload], age: timedelta = timedelta(), subject: uuid.UUID | None = None
    ) -> Envelope:
        """The next batch, sealed `age` ago."""
        return self.seal_body(encode(payloads), len(payloads), age, subject)

    def seal_body(
        self, body: bytes, count: int, age: timedelta = timedelta(), subject: uuid.UUID | None = None
    ) -> Envelope:
        """The next batch, whatever is in it."""
        own = self.own
        own.sequence += 1
        items = Items(own.ordinal + 1, own.ordinal + count)
        own.ordinal = items.last
        seal = Seal(
            installation=own.enrolled.installation,
            device=self.id,
            policy=own.enrolled.policy,
            boot=Boot(own.boot, uptime_ms() - age // MS),
            stream=own.stream,
            sequence=own.sequence,
            items=items,
            previous=own.previous,
            clock_ms=wall_ms() - age // MS,
            subject=subject,
        )
        envelope = seal_batch(seal, zstandard.compress(body, 3), own.key)
        own.previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope

    def send(self, envelope: Envelope) -> httpx.Response:
        """Raises httpx.TransportError when there is no answer."""
        sent = format_sent(Sent(Boot(self.own.boot, uptime_ms()), wall_ms()))
        return self._post("/v1/telemetry", envelope.body, {**envelope.headers, "eucora-sent": sent})

    def log_on(self, account: Account) -> uuid.UUID:
        """The subject id for an account, which travels sealed."""
        enrolled = self.own.enrolled
        key = X25519PublicKey.from_public_bytes(base64.b64decode(enrolled.logon_key))
        sealed = base64.b64encode(SUITE.encrypt(msgspec.json.encode(account), key, LOGON_INFO)).decode()
        body = msgspec.json.encode(LogonRequest(sealed, enrolled.logon_key_id, uuid.uuid4()))
        covered = {
            "content-digest": content_digest(body),
            "content-type": "application/json",
            "eucora-installation": str(enrolled.installation),
            "eucora-device": str(self.id),
            "eucora-clock": str(wall_ms()),
        }
        headers = sign(covered, self.own.key, created=1, tag="eucora-logon")
        answer = self._post("/v1/logon", body, headers).raise_for_status()
        return msgspec.json.decode(answer.content, type=LogonAnswer).subject

    def hang_up(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        self.client = self.client or httpx.Client(http1=False, http2=True, verify=self.tls, timeout=10)
        try:
            return self.client.post(self.url + path, content=body, headers=headers)
        except httpx.TransportError:
            self.hang_up()
            raise


def uptime_ms() -> int:
    return fleet.uptime_ms() + UPTIME // MS


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def enrol(up: Up, folder: Path, count: int) -> list[Device]:
    """New devices of a running platform; their certificates lie in `folder`."""
    platform = fleet.running(up.data_dir)
    token = str(up.json("enrolment-tokens", "create", "--uses", str(count))["token"])
    made = []
    with fleet.enrolment(platform) as client:
        for _ in range(count):
            device = fleet.enrol(client, f"https://localhost:{up.environ['EUCORA_ENROLMENT_PORT']}", token)
            identity = folder / f"{device.enrolled.device_id}.pem"
            identity.write_bytes(device.enrolled.certificate.encode() + fleet.key_pem(device))
            tls = platform.tls()
            tls.load_cert_chain(identity)
            made.append(Device(device, tls, f"https://localhost:{up.environ['EUCORA_DEVICE_PORT']}"))
    return made
