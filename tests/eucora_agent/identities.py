"""An enrolled device for tests, without a platform."""

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from eucora_agent.identity import Identity
from eucora_wire.envelope import format_digest

LOGON = X25519PrivateKey.generate()
POLICY = format_digest(bytes(32))
ISSUED = datetime(2026, 11, 1, tzinfo=UTC)


def identity(**changes: Any) -> Identity:
    fields = {
        "device_id": uuid.uuid4(),
        "installation": uuid.uuid4(),
        "gateway": "https://localhost:1",
        "enrolment": "https://localhost:2",
        "issued": ISSUED,
        "expires": ISSUED + timedelta(hours=72),
        "logon_key": base64.b64encode(LOGON.public_key().public_bytes_raw()).decode(),
        "logon_key_id": "hpke-x25519-1",
        "policy": POLICY,
    }
    return Identity(**{**fields, **changes})
