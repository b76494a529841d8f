"""Simulated devices with their own keys: enrolled through the real listener, sealing real batches, one chain each."""

import json
import os
import ssl
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from eucora_agent.packing import pack
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.dictionary import PLAIN
from eucora_wire.enrol import Enrolled, EnrolRequest
from eucora_wire.envelope import Envelope, Seal, format_digest, parse_signed, seal_batch
from eucora_wire.payload import Payload, encode, encode_one
from eucora_wire.sections.agent import Agent
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.logs import Line
from eucora_wire.sections.network import Network
from eucora_wire.sections.spans import Span
from eucora_wire.sequence import FIRST, Items

MS = timedelta(milliseconds=1)
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Platform:
    """Where a running platform listens, and how an operator speaks to it."""

    data_dir: Path
    operator: dict[str, str]

    @property
    def ca(self) -> bytes:
        return Path(self.operator["ca"]).read_bytes()

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca.decode())

    def ask(self, path: str, body: object = None) -> dict[str, object]:
        """One request to the operator API; its JSON answer, an object."""
        return dict(self.answer(path, body))

    def answer(self, path: str, body: object = None) -> Any:
        """The same, whatever it is."""
        request = urllib.request.Request(
            self.operator["url"] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.operator['token']}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self.tls()) as answer:
            return json.load(answer)


@dataclass
class Device:
    """One simulated device: identity, chain and counters. `policy` is what its enrolment named."""

    key: ed25519.Ed25519PrivateKey
    enrolled: Enrolled
    stream: uuid.UUID = field(default_factory=uuid.uuid4)
    boot: uuid.UUID = field(default_factory=uuid.uuid4)
    sequence: int = 0
    ordinal: int = 0
    previous: str = FIRST
    on_ms: int = 0
    """For so long it was on before this machine was: who was, may have sealed long ago."""

    def seal(self, payloads: list[Payload], age: timedelta = timedelta(), packed_with: int = PLAIN) -> Envelope:
        """The next batch of this device's stream, sealed `age` ago; a single payload travels as an object."""
        body = encode_one(payloads[0]) if len(payloads) == 1 else encode(payloads)
        self.sequence += 1
        items = Items(self.ordinal + 1, self.ordinal + len(payloads))
        self.ordinal = items.last
        seal = Seal(
            installation=self.enrolled.installation,
            device=self.enrolled.device_id,
            policy=self.enrolled.policy,
            boot=Boot(self.boot, self.on_ms + uptime_ms() - age // MS),
            stream=self.stream,
            sequence=self.sequence,
            items=items,
            previous=self.previous,
            clock_ms=time.time_ns() // 1_000_000 - age // MS,
        )
        envelope = seal_batch(seal, pack(body, packed_with), self.key)
        self.previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope

    def sent(self) -> str:
        return format_sent(Sent(Boot(self.boot, self.on_ms + uptime_ms()), time.time_ns() // 1_000_000))


def uptime_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def sample(device: uuid.UUID, salt: int) -> Payload:
    """A payload as a laptop sends it each minute: ten numbers and the agent's own."""
    return Payload(
        device_id=device,
        timestamp=datetime.now(UTC),
        hardware=Hardware(
            cpu=float(salt * 7 % 1000) / 10,
            memory=40.0 + salt % 20,
            disk=61.5,
            thermal=45.0 + salt % 30,
            battery=float(100 - salt % 100),
            memory_used=8_000_000_000 + salt,
            uptime=float(salt * 60),
        ),
        network=Network(latency_ms=12.5 + salt % 10, throughput_mbps=88.1, proxy=False, probes=5, probes_lost=0),
        agent=Agent(version="0.1.0", queue_depth=salt % 3, status="healthy", memory=40_000_000, cpu_seconds=salt / 50),
    )


def told(device: uuid.UUID, salt: int) -> Payload:
    """The same; each tenth tells a log line and a span too."""
    made = sample(device, salt)
    if salt % 10:
        return made
    at = made.timestamp
    line = Line(
        uuid.uuid4(),
        at,
        "nightly-backup",
        "wrote {files} files in {seconds} s",
        fields={"files": str(salt), "seconds": "4"},
    )
    span = Span(os.urandom(16).hex(), os.urandom(8).hex(), "backup", at - 250 * MS, at)
    return replace(made, logs=(line,), spans=(span,))


def running(data_dir: Path) -> Platform:
    """The platform whose data directory this is. Raises FileNotFoundError when it never ran."""
    return Platform(data_dir, json.loads((data_dir / "operator.json").read_text()))


def enrolment(platform: Platform, origin: str = "127.0.0.1") -> httpx.Client:
    """A connection to the enrolment listener, which speaks HTTP/2 only, and counts by the address it comes from."""
    return httpx.Client(
        transport=httpx.HTTPTransport(http1=False, http2=True, verify=platform.tls(), local_address=origin), timeout=30
    )


def enrol(client: httpx.Client, url: str, token: str) -> Device:
    """A new key, a CSR, a certificate: by the real enrolment listener."""
    key = ed25519.Ed25519PrivateKey.generate()
    csr = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "load")])
    )
    pem = csr.sign(key, None).public_bytes(serialization.Encoding.PEM).decode()
    body = msgspec.json.encode(EnrolRequest(token=token, csr=pem))
    answer = client.post(
        url + "/v1/enrol", content=body, headers={"content-type": "application/json"}
    ).raise_for_status()
    return Device(key, msgspec.json.decode(answer.content, type=Enrolled))


def key_pem(device: Device) -> bytes:
    return device.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


__all__ = ["Device", "Platform", "enrol", "enrolment", "key_pem", "running", "sample", "uptime_ms"]
