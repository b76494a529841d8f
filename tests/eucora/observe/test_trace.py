"""Telling a trace never waits: the queue is bounded, and what is lost is counted."""

import asyncio
from collections.abc import Sequence

from eucora.observe import trace
from eucora.observe.trace import OFF, Span, Tracer
from eucora_wire.trace import span_of, trace_of

TRACE = trace_of(bytes(32))


def tell(tracer: Tracer, count: int = 1) -> None:
    for n in range(count):
        tracer.tell(TRACE, f"stage-{n}", "door", "gateway", (n, n + 1), {})


async def sent(tracer: Tracer) -> None:
    ended = asyncio.Event()
    ended.set()
    await asyncio.wait_for(tracer.run(ended), 5)


async def test_what_was_told_is_sent_with_its_parent_also_at_the_end() -> None:
    got: list[Span] = []

    async def take(spans: Sequence[Span]) -> None:
        got.extend(spans)

    tracer = Tracer(1.0, take)
    tell(tracer, trace.AT_ONCE + 3)
    await sent(tracer)
    assert [span.start_us for span in got] == list(range(trace.AT_ONCE + 3))
    assert (got[0].parent_id, got[0].service) == (span_of(TRACE, "door"), "eucora-gateway")
    assert tracer.lost == 0


async def test_a_full_queue_and_a_server_that_is_away_lose_spans_and_count_them() -> None:
    async def away(spans: Sequence[Span]) -> None:
        raise OSError

    tracer = Tracer(1.0, away)
    tell(tracer, trace.MOST_WAITING + 7)
    assert tracer.lost == 7
    await sent(tracer)
    assert tracer.lost == trace.MOST_WAITING + 7


async def test_where_nobody_takes_traces_nothing_is_done() -> None:
    assert not OFF.on
    await sent(OFF)
