"""Stage 4. What the house knows of the devices and persons of a batch: one read a batch, handed in."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from eucora.batch import DeadLetter, Item
from eucora.pipeline.normalise import Normal, Resent


class Known(Protocol):
    """What the directory answers."""

    @property
    def users(self) -> Mapping[uuid.UUID, uuid.UUID | None]:
        """Subject to person; None for a provisional one that is not resolved; absent for one never heard of."""
        ...

    @property
    def erased(self) -> Collection[uuid.UUID]:
        """Subjects whose person was erased."""
        ...

    @property
    def policies(self) -> Mapping[uuid.UUID, object]:
        """Device to the policy under which it was last heard; a device that is erased is absent."""
        ...


class Directory(Protocol):
    """Who is who: devices and identity behind one question."""

    async def look_up(self, devices: Collection[uuid.UUID], subjects: Collection[uuid.UUID]) -> Known:
        """What is known of them now."""
        ...


@dataclass(frozen=True, slots=True)
class Enriched:
    """Items with what is known about them, and the rest of `Normal`."""

    items: list[Item]
    dead: list[DeadLetter]
    known: Known
    resent: list[Resent] = field(default_factory=list)


def devices_of(normal: Normal) -> set[uuid.UUID]:
    return {item.device for item in normal.items}


def subjects_of(normal: Normal) -> set[uuid.UUID]:
    """Persons by whom items were sent, and those of the sessions in them."""
    found = {item.subject for item in normal.items if item.subject is not None}
    found.update(session.user_id for item in normal.items for session in item.payload.sessions)
    return found


def enrich(normal: Normal, known: Known) -> Enriched:
    """Items that may still be told: a body may have been opened a moment before its person or device was erased."""
    items = normal.items
    if not known.policies.keys() >= devices_of(normal):
        items = [item for item in items if item.device in known.policies]
    if known.erased:
        items = [item for item in items if item.subject not in known.erased]
    return Enriched(items, normal.dead, known, normal.resent)
