"""The agent's own warnings, equal ones collapsed into one event with a count."""

import os
import uuid
from datetime import datetime

import msgspec

from eucora_wire.sections.events import Event

MOST = 50
"""Kinds of warning kept between two payloads; more of them are counted under one name."""


class Warnings:
    """Noted as they come, taken with the next payload."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], Event] = {}

    def note(self, name: str, detail: str, now: datetime) -> None:
        """`detail` names no person and no path of one."""
        key = (name, detail) if len(self._noted) < MOST else ("more_warnings", "")
        known = self._noted.get(key)
        if known is None:
            self._noted[key] = Event(_id(now), now, f"agent.{key[0]}", "warning", detail=key[1] or None)
        else:
            self._noted[key] = msgspec.structs.replace(known, count=known.count + 1, last=now)

    def put_back(self, events: tuple[Event, ...]) -> None:
        """What was taken and could not be kept."""
        self._noted = {(e.name.removeprefix("agent."), e.detail or ""): e for e in events} | self._noted

    def take(self) -> tuple[Event, ...]:
        found, self._noted = tuple(self._noted.values()), {}
        return found


def _id(now: datetime) -> uuid.UUID:
    ms = int(now.timestamp() * 1000)
    tail = int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(
        int=(ms & (1 << 48) - 1) << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 2 << 62 | tail & (1 << 62) - 1
    )
