"""What the operator plane is handed by assembly."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from eucora.archive.query import Archive
from eucora.governance.erasure import Eraser
from eucora.governance.kept import Kept
from eucora.journal.keys import Keyring
from eucora.observe.jumps import Jumps
from eucora.operators.counts import Counts
from eucora.pipeline.explain import Explained
from eucora.pipeline.replay import Replayed
from eucora.secrets import Secrets
from eucora.settings import Settings
from eucora.slice import Pool
from eucora.stores.ports import Cache, Finding, Follower, Objects
from eucora.web.given import Given

KeptNow = Callable[[datetime], Awaitable[Sequence[Kept]]]
Retention = Callable[[datetime], Awaitable[Sequence[Finding]]]
Explain = Callable[[str], Awaitable[Explained]]
Replay = Callable[[Sequence[uuid.UUID]], Awaitable[Replayed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """`pool` is the application's role; `objects` the bucket eucora-data, `replay` and `explain` the pipeline's.

    `kept` asks every store how long it keeps what it has; `retention` says of that what is wrong.
    """

    settings: Settings
    installation: uuid.UUID
    pool: Pool
    keyring: Keyring
    secrets: Secrets
    objects: Objects
    cache: Cache
    archive: Archive
    replay: Replay
    explain: Explain
    kept: KeptNow
    eraser: Eraser
    followers: Sequence[Follower] = ()
    retention: Retention
    jumps: Jumps = field(default_factory=Jumps)
    counts: Counts = field(default_factory=Counts)


GivenHouse: TypeAlias = Given[Operators]
