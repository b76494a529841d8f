"""Ids are types. UUIDv7 for what we make, a digest for what content makes."""

import os
import uuid
from typing import NewType

DeviceId = NewType("DeviceId", uuid.UUID)
UserId = NewType("UserId", uuid.UUID)
SubjectId = NewType("SubjectId", uuid.UUID)

_DEAD_LETTERS = uuid.UUID("6f1d3a52-7c0b-5c0e-9f43-5a0f0b8f9c11")


def uuid7(now_ms: int) -> uuid.UUID:
    """RFC 9562 version 7: 48 bits of milliseconds, the rest random."""
    value = (now_ms & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


def dead_letter_id(stream: uuid.UUID, ordinal: int) -> uuid.UUID:
    """The same item makes the same id, so that digesting again makes no second dead letter."""
    return uuid.uuid5(_DEAD_LETTERS, f"{stream}/{ordinal}")
