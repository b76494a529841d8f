"""Sample messages: the seed's own, one of every section, a refusal, and a sealed batch that anyone can verify."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from docs.generate.written import as_json
from eucora_wire import envelope, payload, problems, sequence
from eucora_wire.answer import Answer, Receipt
from eucora_wire.clock import Boot
from eucora_wire.payload import Payload
from eucora_wire.problems import Document, ItemProblem

DEVICE = "0199a1c2-7c1b-7d3e-9f10-0123456789ab"
PERSON = "0199a1c2-7c1b-7d3e-9f10-aaaaaaaaaaaa"
RECORD = "0199a1c2-7c1b-7d3e-9f10-cccccccccccc"
AT = "2026-11-24T03:58:00Z"

# Seed §4.2, field for field.
SEED: dict[str, Any] = {
    "device_id": DEVICE,
    "timestamp": AT,
    "user_id": PERSON,
    "hardware": {"cpu": 12.5, "memory": 61.0, "disk": 83.2, "thermal": 54.0, "battery": 97.0},
    "software": {"packages": [{"name": "bash", "version": "5.2.15-2+b7", "signature": "a" * 64}]},
    "network": {"latency_ms": 12.4, "throughput_mbps": 94.1, "proxy": False},
    "agent": {"version": "0.1.0", "queue_depth": 3, "status": "healthy"},
}
# Seed §9.
SESSION: dict[str, Any] = {
    "session_id": "0199a1c2-7c1b-7d3e-9f10-bbbbbbbbbbbb",
    "user_id": PERSON,
    "device_id": DEVICE,
    "start": AT,
    "end": "2026-11-24T11:58:00Z",
    "context": {"network": "corp", "vpn": True, "geo": "IN"},
}
EVERY_SECTION: dict[str, Any] = {
    "device_id": DEVICE,
    "timestamp": AT,
    "user_id": PERSON,
    "hardware": {
        **SEED["hardware"],
        "volumes": [
            {"mount": "/", "total": 488_281_250, "used": 406_250_000, "unit": "kibibytes", "filesystem": "ext4"}
        ],
        "sensors": [{"name": "coretemp Package id 0", "value": 54.0}],
        "batteries": [{"name": "BAT0", "charge": 97.0, "cycles": 212, "capacity": 88.0, "plugged": True}],
    },
    "software": {
        "delta": {
            "base": envelope.content_digest(b"before"),
            "result": envelope.content_digest(b"after"),
            "added": [{"name": "jq", "version": "1.6-2.1", "source": "dpkg", "architecture": "amd64"}],
            "removed": [{"name": "nano", "version": "7.2-1", "source": "dpkg", "architecture": "amd64"}],
            "changed": [
                {
                    "was": {"name": "bash", "version": "5.2.15-2+b6", "source": "dpkg", "architecture": "amd64"},
                    "now": {"name": "bash", "version": "5.2.15-2+b7", "source": "dpkg", "architecture": "amd64"},
                }
            ],
        }
    },
    "network": {**SEED["network"], "probes": 5, "probes_lost": 0, "received": 123_456, "sent": 65_432},
    "agent": {**SEED["agent"], "retries": 1, "heartbeat_failures": 0, "memory": 39_845_888, "cpu_seconds": 4.2},
    "device": {
        "os": {"name": "Debian GNU/Linux 12 (bookworm)", "family": "linux", "version": "12", "build": "6.1.0-28-amd64"},
        "hostname": "sample-host",
        "serial": "SAMPLE0001",
        "manufacturer": "LENOVO",
        "model": "21CB00B1GE",
        "chassis": "laptop",
        "architecture": "x86_64",
        "cpu_count": 16,
        "memory_bytes": 34_359_738_368,
        "boot_time": "2026-11-23T07:01:12Z",
        "timezone": "Asia/Kolkata",
        "tpm": "2.0",
        "disk_encrypted": True,
    },
    "apps": {
        "apps": [
            {
                "name": "firefox",
                "version": "128.5.0",
                "launches": 3,
                "hangs": 1,
                "crashes": 1,
                "launch_time": {"bounds": [500.0, 1000.0, 2000.0], "counts": [1, 1, 1, 0], "sum": 2710.0},
            }
        ],
        "crashes": [{"id": RECORD, "time": AT, "name": "firefox", "signal": "SIGSEGV", "core": True}],
    },
    "ux": {"latency": {"bounds": [16.0, 50.0, 100.0], "counts": [900, 80, 15, 5], "sum": 14_321.5}, "unresponsive": 1},
    "deployments": [
        {"id": RECORD, "time": AT, "job": "firefox-128.5", "outcome": "succeeded", "duration": 41.5, "exit_code": 0}
    ],
    "changes": [{"id": RECORD, "time": AT, "kind": "update", "subject": "bash", "before": "5.2-b6", "after": "5.2-b7"}],
    "events": [{"id": RECORD, "time": AT, "name": "agent.collector-failed", "severity": "warning", "count": 4}],
    "logs": [
        {
            "id": RECORD,
            "time": AT,
            "source": "eucora-agent",
            "template": "sent {items} items in {seconds} s",
            "fields": {"items": "40", "seconds": "0.08"},
        }
    ],
    "spans": [
        {
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "b7ad6b7169203331",
            "name": "install",
            "start": AT,
            "end": "2026-11-24T03:58:41.5Z",
            "status": "ok",
        }
    ],
    "sessions": [SESSION],
    "withheld": {"content.path": 2},
}


def files() -> dict[str, str]:
    """`sample/<name>.json`: each payload goes through the contract's own types, so that none can be wrong."""
    return {
        "sample/payload-seed.json": _payload(SEED),
        "sample/payload-every-section.json": _payload(EVERY_SECTION),
        "sample/answer.json": as_json(msgspec.to_builtins(_answer())),
        "sample/problem.json": as_json(msgspec.to_builtins(_problem())),
        "sample/sealed-batch.json": as_json(_sealed()),
    }


def _payload(raw: dict[str, Any]) -> str:
    found = msgspec.convert(raw, Payload, strict=False)
    return as_json(json.loads(payload.encode_one(found)))


def _answer() -> Answer:
    received = datetime(2026, 11, 24, 3, 58, 2, tzinfo=UTC)
    return Answer("appended", 40, 7, receipt=Receipt(epoch=1, shard=3, lane="live", position=12_345, received=received))


def _problem() -> Document:
    item = ItemProblem(42, problems.BASE + "schema", "$.hardware.cpu", "Expected `float` <= 100.0")
    return problems.document("schema", "1 of 40 items", items=(item,))


def _sealed() -> dict[str, object]:
    # A key for this sample and nothing else, so that the file is the same on every machine.
    key = Ed25519PrivateKey.from_private_bytes(b"eucora sample key: publish me !!")
    seal = envelope.Seal(
        installation=uuid.UUID("0199a1c2-7c1b-7d3e-9f10-dddddddddddd"),
        device=uuid.UUID(DEVICE),
        policy="none",
        boot=Boot(uuid.UUID("6b0c3f0e-2f63-4f0d-9d2b-0f6f0f1f2a3b"), 75_408_000),
        stream=uuid.UUID("0199a1c2-7c1b-7d3e-9f10-eeeeeeeeeeee"),
        sequence=1,
        items=sequence.Items(1, 1),
        previous=sequence.FIRST,
        clock_ms=1_795_492_682_000,
        subject=uuid.UUID(PERSON),
        encoding="identity",
    )
    body = payload.encode([msgspec.convert(SEED, Payload, strict=False)])
    sealed = envelope.seal_batch(seal, body, key)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        "public_key": pem,
        "headers": sealed.headers,
        "body": sealed.body.decode(),
        "signature_base": envelope.parse_signed(sealed.headers).base.decode(),
    }
