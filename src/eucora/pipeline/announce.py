"""Stage 7. Tells whoever listens that a batch is there. Losing it loses nothing: the tables have it."""

import uuid
from collections.abc import Collection

import msgspec

from eucora.stores.ports import Cache

CHANNEL = "eucora.committed"
MOST_NAMED = 200


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much came; `devices` are named when they are few."""

    items: int
    dead: int
    devices: tuple[uuid.UUID, ...] = ()


async def announce(cache: Cache, items: int, dead: int, devices: Collection[uuid.UUID]) -> None:
    """One message a batch."""
    named = tuple(devices) if len(devices) <= MOST_NAMED else ()
    await cache.publish(CHANNEL, msgspec.json.encode(Announcement(items, dead, named)))
