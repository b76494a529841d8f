"""What the platform asks of its object store and of its cache, and no more.

Telling a store the same thing twice changes nothing. A cache may vanish at any time: it answers None or False then,
within CACHE_PATIENCE_S, and never raises; nothing that an acknowledgement rests on may be asked of it.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

CACHE_PATIENCE_S = 0.05


class S3Endpoint(msgspec.Struct, frozen=True):
    """Where an S3 server is, and our keys for it. `ca_file` verifies its certificate; None: the system's roots."""

    url: str
    access_key: str
    secret_key: str
    ca_file: Path | None = None
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"S3Endpoint({self.url!r}, …)"


class Stored(msgspec.Struct, frozen=True):
    """What the store says about an object: its ETag, and its version where the bucket keeps versions."""

    key: str
    etag: str
    version: str | None = None
    size: int = 0


class Objects(Protocol):
    """One bucket. Bodies are whole: what we store is cut to megabytes before it comes here."""

    async def put(
        self, key: str, body: bytes, *, if_absent: bool = False, locked_until: datetime | None = None
    ) -> Stored | None:
        """Store a body; None when `if_absent` and the key is taken. A lock (COMPLIANCE) binds everybody till then."""
        ...

    async def get(self, key: str, version: str | None = None) -> bytes | None:
        """The body, or None when there is no such object."""
        ...

    async def lock(self, key: str, until: datetime, version: str | None = None) -> None:
        """Lock what is stored already; a lock can be made longer, never shorter."""
        ...

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Objects whose key begins so, by key."""
        ...

    async def delete(self, key: str, version: str | None = None) -> None:
        """Delete; what is not there is deleted already. Raises Refused when the object is locked."""
        ...


class Cache(Protocol):
    """Rate limits, wake-ups and live fan-out."""

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None:
        """Add to the count of the present window and return it; None when the cache does not answer."""
        ...

    async def publish(self, channel: str, message: bytes) -> bool:
        """Send to whoever listens now; False when the cache does not answer."""
        ...

    def subscribe(self, *channels: str) -> AsyncIterator[tuple[str, bytes]]:
        """Messages (channel, body) as they come, for ever, through every loss of the cache; those in between are lost."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
