"""A file that holds a trace is never passed by; one that does not is, mostly."""

import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.eucora.archive.test_compact import seal
from tests.eucora.archive.test_newest import NOW, span
from tests.eucora.line import Device, Line

from eucora.archive import bloom, spans
from eucora.archive.files import snapshot
from eucora.archive.query import Archive
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload

traces = st.sets(st.integers(0, 2**128 - 1).map(lambda n: f"{n:032x}"), max_size=200)


def block(made: bytes, trace: str) -> bytes:
    begin = bloom.number(trace) % (len(made) // bloom.BLOCK) * bloom.BLOCK
    return made[begin : begin + bloom.BLOCK]


@given(traces)
def test_what_is_in_it_is_found(some: set[str]) -> None:
    made = bloom.made(some)
    assert all(bloom.may_hold(block(made, trace), trace) for trace in some)


def test_of_a_thousand_strangers_hardly_any_is_taken_for_one_of_many() -> None:
    made = bloom.made([uuid.UUID(int=n).hex for n in range(20_000)])
    assert len(made) < 20_000 * 1.6
    strangers = [uuid.UUID(int=n).hex for n in range(10**9, 10**9 + 1_000)]
    assert sum(bloom.may_hold(block(made, trace), trace) for trace in strangers) < 30


async def tell(line: Line, device: Device, first: int, days: int) -> list[str]:
    """A span of each of seven traces, and which."""
    at = NOW - timedelta(days=days)
    named = [replace(span(n, at), trace_id=f"{first + n:032x}") for n in range(7)]
    await line.append(device.batch([Payload(device_id=device.id, timestamp=at, spans=tuple(named))]))
    await line.digest()
    return [s.trace_id for s in named]


async def test_only_files_that_may_hold_a_trace_are_fetched(line: Line, archive: Archive, objects: S3Objects) -> None:
    device = await line.enrol()
    of_day = {}
    for days in range(1, 9):
        of_day[days] = await tell(line, device, 1_000 * days, days)
        await seal(line, objects)
    fetched = 0
    for days, told in of_day.items():
        for trace in told:
            async with snapshot(line.app) as at:
                files = await at.files_of_trace(trace)
            assert (NOW - timedelta(days=days)).date() in {file.day for file in files}
            fetched += len(files)
            (row,) = await spans.trace(archive, trace)
            assert row.trace_id == trace
    assert fetched <= 56 * 1.3
    await line.app.execute("UPDATE archive_files SET traces = NULL")  # written before there were filters
    assert [row.trace_id for row in await spans.trace(archive, of_day[3][0])] == [of_day[3][0]]
