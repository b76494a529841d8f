"""What the platform asks of its object store, of its cache and of the servers that follow the archive, and no more.

Telling a store the same thing twice changes nothing. A cache may vanish at any time: it answers None or False then,
within CACHE_PATIENCE_S, and never raises; nothing that an acknowledgement rests on may be asked of it.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

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


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One row of metrics as the archive holds it: values in the order of its shape, in canonical units."""

    device: uuid.UUID
    time: datetime
    received: datetime
    shape: int
    values: Sequence[float]


class Parcel(msgspec.Struct, frozen=True):
    """What a follower is told at once, in the archive's order. `shapes`: [[name, {label: value}], …] by number."""

    readings: Sequence[Reading]
    shapes: Mapping[int, Any]


class Refusal(msgspec.Struct, frozen=True):
    """Samples (lines, spans) that a server never takes: why, how many, and the times between which they lie.

    They are in the archive.
    """

    reason: str
    first: datetime
    last: datetime
    count: int


class Told(msgspec.Struct, frozen=True):
    """What became of a parcel. `merged`: came more than once; `clamped`: lay in the future, and count as received."""

    taken: int
    merged: int = 0
    clamped: int = 0
    refused: tuple[Refusal, ...] = ()


class Interval(msgspec.Struct, frozen=True):
    """Times in [since, until)."""

    since: datetime
    until: datetime


class Forgotten(msgspec.Struct, frozen=True):
    """`left`: what the server still shows of it, since it can't delete that yet; to be asked again later."""

    left: int


class Finding(msgspec.Struct, frozen=True):
    """One setting or figure of the live server; `mend` says what to do when it is `wrong`."""

    name: str
    state: Literal["well", "wrong"]
    found: str
    mend: str = ""


class Follower(Protocol):
    """A server that is told what the archive holds. Telling it twice changes nothing.

    All three raise TryLater when it is away (with the seconds that it asks for), Misconfigured when it doesn't let us.
    """

    @property
    def name(self) -> str:
        """Under which its cursor stands."""
        ...

    async def write(self, parcel: Parcel) -> Told:
        """Everything that it takes is there afterwards; what it never takes is in the answer, and holds nothing up."""
        ...

    async def forget(self, device: uuid.UUID, interval: Interval) -> Forgotten:
        """Delete what it holds of a device in an interval."""
        ...

    async def inspect(self) -> tuple[Finding, ...]:
        """Settings and health of the live server."""
        ...
