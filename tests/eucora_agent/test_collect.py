"""What a payload is worth when the disk is full."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from eucora_agent.collect import rank
from eucora_wire.payload import Payload
from eucora_wire.sections.changes import Change
from eucora_wire.sections.device import Device
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Software
from eucora_wire.sections.ux import Ux

NOW, ID = datetime(2026, 11, 27, tzinfo=UTC), uuid.UUID(int=7 << 76 | 2 << 62)


def change(kind: Any) -> Change:
    return Change(id=ID, time=NOW, kind=kind, subject="x")


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"sessions": (Session(ID, ID, ID, NOW),)}, 4),
        ({"device": Device()}, 4),
        ({"changes": (change("policy"),), "ux": Ux()}, 4),
        ({"changes": (change("install"),), "hardware": Hardware()}, 3),
        ({"software": Software(packages=())}, 3),
        ({"hardware": Hardware(), "ux": Ux()}, 2),
        ({"ux": Ux()}, 1),
    ],
)
def test_audit_and_security_outlast_deployment_and_that_health_and_that_experience(
    sections: dict[str, Any], expected: int
) -> None:
    assert rank(Payload(ID, NOW, **sections)) == expected
