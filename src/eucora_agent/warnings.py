"""The agent's own warnings, equal ones collapsed into one event with a count."""

import os
import uuid
from datetime import datetime

import msgspec

from eucora_wire.sections.events import Event

MOST = 50
"""Kinds of warning kept between two payloads; more of them are counted under one name."""
MORE = "agent.more_warnings"


class Warnings:
    """Noted as they come, taken with the next payload."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str | None], Event] = {}

    def note(self, name: str, detail: str, now: datetime) -> None:
        """`detail` names no person and no path of one."""
        self._add(Event(_id(now), now, f"agent.{name}", "warning", detail=detail or None))

    def put_back(self, events: tuple[Event, ...]) -> None:
        """What was taken and could not be kept."""
        since, self._noted = self._noted, {}
        for event in (*events, *since.values()):
            self._add(event)

    def _add(self, event: Event) -> None:
        key = (event.name, event.detail)
        if key not in self._noted and len(self._noted) >= MOST:
            event = msgspec.structs.replace(event, name=MORE, detail=None)
            key = (MORE, None)
        known = self._noted.get(key)
        if known is not None:
            event = msgspec.structs.replace(known, count=known.count + event.count, last=event.last or event.time)
        self._noted[key] = event

    def take(self) -> tuple[Event, ...]:
        found, self._noted = tuple(self._noted.values()), {}
        return found


def _id(now: datetime) -> uuid.UUID:
    ms = int(now.timestamp() * 1000)
    tail = int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(
        int=(ms & (1 << 48) - 1) << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 2 << 62 | tail & (1 << 62) - 1
    )
