"""What the pipeline is handed by assembly: ports and slices; it names neither a domain nor a server."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from eucora.archive.shapes import Shapes
from eucora.journal.keys import Keyring
from eucora.journal.port import Journal
from eucora.observe.trace import OFF, Tracer
from eucora.pipeline.enrich import Directory
from eucora.pipeline.normalise import Limits
from eucora.slice import Pool, Slice
from eucora.stores.ports import Cache

CONSUMER = "pipeline"

Chore = Callable[[datetime], Awaitable[None]]
"""Something small to do now and then, when nothing waits: comparing digests, closing a window, making partitions."""


@dataclass(frozen=True, slots=True)
class House:
    """`app` are connections of the application's role. `lease_s`: a silent worker loses its places after so long."""

    journal: Journal
    app: Pool
    keyring: Keyring
    directory: Directory
    slices: Sequence[Slice]
    shapes: Shapes
    cache: Cache
    limits: Limits
    lease_s: float
    chores: Sequence[Chore] = field(default=())
    tracer: Tracer = OFF
