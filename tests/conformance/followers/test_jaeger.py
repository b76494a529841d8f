"""What tells Tempo, on Jaeger, which takes OTLP over HTTP and gRPC: proved also where no Tempo is."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.live.jaeger import Jaeger as Server

from eucora import clock
from eucora.observe.trace import Tracer
from eucora.problems import TryLater
from eucora.stores.ports import Parcel, Span
from eucora.stores.tempo import Tempo
from eucora_wire.trace import span_of, trace_of

NOW = clock.now().replace(microsecond=0)
DAY = timedelta(days=1)
SHAPES = {1: {"name": "boot"}, 2: {"name": 'evil" } || { true'}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    opened = Server()
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(params=["http", "grpc"])
async def follower(request: Any, server: Server) -> AsyncIterator[Tempo]:
    opened = Tempo(server.otlp if request.param == "http" else server.otlp_grpc)
    yield opened
    await opened.close()


def span(device: uuid.UUID, ago: timedelta = timedelta(0), shape: int = 1, **attributes: str) -> Span:
    ids = {"trace_id": os.urandom(16), "span_id": os.urandom(8), "parent_id": None}
    at = NOW - ago
    return Span(
        device=device, time=at, received=NOW, marks=0, shape=shape, duration_s=1.5, status="ok", subject=None,
        attributes=attributes, **ids,
    )  # fmt: skip


async def test_fresh_and_late_spans_told_three_times_are_distinct_ids_once(follower: Tempo, server: Server) -> None:
    device = uuid.uuid4()
    told = [span(device, n * DAY) for n in range(0, 22, 3)]
    for _ in range(3):
        answer = await follower.write(Parcel(told, SHAPES))
        assert (answer.taken, answer.refused) == (len(told), ())
    for each in told:
        assert server.trace(each.trace_id) == [each.span_id.hex()]


async def test_no_name_or_attribute_passes_for_ours(follower: Tempo, server: Server) -> None:
    device, other = uuid.uuid4(), uuid.uuid4()
    told = span(device, shape=2, **{"host.id": str(other), "eucora.subject": "me", "x": '"} || {'})
    await follower.write(Parcel([told], SHAPES))
    assert server.trace(told.trace_id) == [told.span_id.hex()]
    late = NOW + timedelta(minutes=1)
    assert server.search({"eucora.subject": "me"}, NOW - DAY, late) == []
    assert told.trace_id.hex() in server.search({"eucora.attribute.eucora.subject": "me"}, NOW - DAY, late)


async def test_the_platforms_own_stages_are_one_trace_told_twice_or_not(follower: Tempo, server: Server) -> None:
    tracer, trace, us = Tracer(1.0, follower.tell_own), trace_of(os.urandom(32)), clock.to_us(NOW)
    ended = asyncio.Event()
    ended.set()
    for _ in range(2):
        for stage, parent in (("send", None), ("door", "send"), ("digest", "door"), ("tell.loki", "digest")):
            tracer.tell(trace, stage, parent, "gateway", (us, us + 10), {"eucora.device": "d"})
        await tracer.run(ended)
    assert set(server.trace(trace)) == {span_of(trace, s).hex() for s in ("send", "door", "digest", "tell.loki")}
    assert len(server.trace(trace)) == 4
    assert tracer.lost == 0


async def test_a_server_that_is_killed_keeps_what_it_acknowledged_and_is_told_the_rest_when_it_is_back() -> None:
    own = Server()
    own.start()
    follower, device = Tempo(own.otlp), uuid.uuid4()
    first, second = span(device), span(device, DAY)
    await follower.write(Parcel([first], SHAPES))
    own.kill()
    with pytest.raises(TryLater):
        await follower.write(Parcel([second], SHAPES))
    await asyncio.to_thread(own.start)
    await follower.write(Parcel([first, second], SHAPES))
    for each in (first, second):
        assert set(own.trace(each.trace_id)) == {each.span_id.hex()}
    await follower.close()
    own.close()
