"""Traces of sampled batches, from the agent's send to the last store. Telling one never waits, and may be lost.

What a full queue or a server that is away loses is counted; the batches themselves are not in question.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import structlog
from msgspec import Struct

from eucora_wire.trace import sampled, span_of, trace_of

MOST_WAITING = 4_096
AT_ONCE = 512
EVERY_S = 1.0

log = structlog.get_logger()


class Span(Struct, frozen=True, gc=False):
    """One stage of one batch; times in microseconds since 1970."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    name: str
    service: str
    start_us: int
    end_us: int
    attributes: Mapping[str, str]


Send = Callable[[Sequence[Span]], Awaitable[None]]


async def _nowhere(spans: Sequence[Span]) -> None:
    """Where no server takes traces."""


class Tracer:
    """One a process. `on` is looked at first: without a server nothing is computed."""

    def __init__(self, ratio: float = 0.0, send: Send = _nowhere) -> None:
        self._ratio, self._send = ratio, send
        self._waiting: deque[Span] = deque()
        self.on = ratio > 0
        self.lost = 0

    def trace(self, digest: bytes) -> bytes | None:
        """The trace id of a batch that is sampled, by its digest."""
        trace = trace_of(digest)
        return trace if sampled(trace, self._ratio) else None

    def tell(
        self,
        trace: bytes,
        stage: str,
        parent: str | None,
        service: str,
        times_us: tuple[int, int],
        attributes: Mapping[str, str],
    ) -> None:
        """A stage that has ended. `parent` is another stage's name."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        above = None if parent is None else span_of(trace, parent)
        span = Span(trace, span_of(trace, stage), above, stage, f"eucora-{service}", *times_us, attributes)
        self._waiting.append(span)

    async def run(self, ended: asyncio.Event) -> None:
        """Send what waits, each second, and once more at the end."""
        while self.on:
            last = ended.is_set()
            for spans in self._parts():
                await self._try(spans)
            if last:
                return
            try:
                await asyncio.wait_for(ended.wait(), EVERY_S)
            except TimeoutError:
                continue

    def _parts(self) -> Iterator[list[Span]]:
        while self._waiting:
            yield [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]

    async def _try(self, spans: list[Span]) -> None:
        try:
            await self._send(spans)
        except Exception as exc:  # noqa: BLE001 - own traces never stop what they watch
            self.lost += len(spans)
            log.info("traces_lost", spans=len(spans), reason=type(exc).__name__)


OFF = Tracer()
