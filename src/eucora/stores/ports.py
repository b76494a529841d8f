"""What the platform asks of its object store, of its cache and of the servers that follow the archive, and no more.

Telling a store the same thing twice changes nothing. A cache may vanish at any time: it answers None or False then,
within CACHE_PATIENCE_S, and never raises; nothing that an acknowledgement rests on may be asked of it.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from eucora.problems import TryLater

CACHE_PATIENCE_S = 0.05


class Away(TryLater):
    """A server that does not answer. One that was killed may have lost what it acknowledged last."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__("store-unavailable", f"the {what} server does not answer ({how})", 0.0)


Kind = Literal["metrics", "lines", "spans"]
"""What the archive has rows of."""

Follows = Literal["metrics", "lines", "spans", "cohorts", "audit"]
"""What a follower is told: one of those, metrics by cohort, or events of the audit trail."""


class S3Endpoint(Struct, frozen=True):
    """Where an S3 server is, and our keys for it. `ca_file` verifies its certificate; None: the system's roots."""

    url: str
    access_key: str
    secret_key: str
    ca_file: Path | None = None
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"S3Endpoint({self.url!r}, …)"


class Stored(Struct, frozen=True):
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


class Reading(Struct, frozen=True, gc=False):
    """One row of metrics as the archive holds it: values in the order of its shape, in canonical units."""

    device: uuid.UUID
    time: datetime
    received: datetime
    shape: int
    values: Sequence[float]


class Line(Struct, frozen=True, gc=False):
    """One log line, event, change, crash or deployment; its shape says kind, source and severity. In the feed's order.

    `text` and `fields` are as the device wrote them until `pipeline/mask.py` went over them: no follower sees them before.
    """

    device: uuid.UUID
    time: datetime
    received: datetime
    shape: int
    marks: int
    id: uuid.UUID
    subject: uuid.UUID | None
    count: int
    text: str
    fields: Mapping[str, Any]


class Span(Struct, frozen=True, gc=False):
    """One span; its shape says its name. `duration_s` in seconds; ids as 16 and 8 bytes. `attributes` as in Line.fields."""

    device: uuid.UUID
    time: datetime
    received: datetime
    shape: int
    marks: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    subject: uuid.UUID | None
    duration_s: float
    status: str
    attributes: Mapping[str, Any]


class Recorded(Struct, frozen=True, gc=False):
    """One event of the audit trail as it is copied; `marks` name it, and hold its digest."""

    at: datetime
    position: int
    text: str
    marks: Mapping[str, str]


class Aggregate(Struct, frozen=True, gc=False):
    """One value of a series that is about many devices."""

    time: datetime
    name: str
    labels: Mapping[str, str]
    value: float


class Parcel(Struct, frozen=True):
    """What a follower is told at once: rows of its kind, in the archive's order; and what their shapes mean, by number.

    metrics: [[name, {label: value}], …] in the order of values; lines: {kind, source, severity}; spans: {name}.
    """

    rows: Sequence[Any]
    shapes: Mapping[int, Any]


class Refusal(Struct, frozen=True):
    """Samples (lines, spans) that a server never takes: why, how many, and the times between which they lie.

    They are in the archive.
    """

    reason: str
    first: datetime
    last: datetime
    count: int


class Stretch(Struct, frozen=True):
    """A parcel, and where the cursor of each place (shard, lane) stands behind it: (position, when it was received).

    Of aggregates: up to when steps are told then, and what came too late for its step.
    """

    parcel: Parcel
    behind: Mapping[tuple[int, int], tuple[int, datetime]]
    told_upto: datetime | None = None
    late: tuple[Refusal, ...] = ()


class Told(Struct, frozen=True):
    """What became of a parcel. `merged`: came more than once; `clamped`: lay in the future, and count as received."""

    taken: int
    merged: int = 0
    clamped: int = 0
    refused: tuple[Refusal, ...] = ()


class Interval(Struct, frozen=True):
    """Times in [since, until)."""

    since: datetime
    until: datetime


class Whose(Struct, frozen=True):
    """Whose rows: those of a device, those of a person (by subject id); of both when both are given."""

    device: uuid.UUID | None = None
    subject: uuid.UUID | None = None


class Forgotten(Struct, frozen=True):
    """`left`: what the server still shows of it, since it can't delete that yet; to be asked again later.

    `gone_by`: of a server that can't delete by attribute, when its retention will have done it; it is not asked again.
    """

    left: int
    gone_by: datetime | None = None


class Finding(Struct, frozen=True):
    """One setting or figure of the live server; `mend` says what to do when it is `wrong`."""

    name: str
    state: Literal["well", "wrong"]
    found: str
    mend: str = ""


def finding(name: str, well: bool, found: str, mend: str) -> Finding:
    """What was found, and how to mend it when it is not well."""
    return Finding(name, "well" if well else "wrong", found or "not said", "" if well else mend)


class Follower(Protocol):
    """A server that is told what the archive holds of one kind. Telling it twice changes nothing.

    All three raise TryLater when it is away (with the seconds that it asks for), Misconfigured when it doesn't let us.
    """

    @property
    def name(self) -> str:
        """Under which its cursor stands."""
        ...

    @property
    def kind(self) -> Follows:
        """Of which rows it is told."""
        ...

    async def write(self, parcel: Parcel) -> Told:
        """Everything that it takes is there afterwards; what it never takes is in the answer, and holds nothing up."""
        ...

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Delete what it holds of a device, or of a person, in an interval. Of whom it can hold nothing, nothing is left."""
        ...

    async def inspect(self) -> tuple[Finding, ...]:
        """Settings and health of the live server."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
