"""Lines and spans found over devices and days: the same as plain Python finds, wherever the rows lie."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.eucora.archive.test_compact import seal
from tests.eucora.line import Device, Line

from eucora.archive import lines, masks, newest, spans
from eucora.archive.files import File
from eucora.archive.lines import GRAVE, Lines
from eucora.archive.newest import Key
from eucora.archive.query import Archive, LineKey, LineRow
from eucora.archive.spans import SpanRow, Spans
from eucora.problems import Refused
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.logs import Line as LogLine
from eucora_wire.sections.spans import Span

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
SINCE, UNTIL = NOW - timedelta(days=10), NOW + timedelta(minutes=1)
WORDS = ("Timeout", "timeout of {unit}", 'a "quoted" \\ thing', "100 % done", "ÄRGER", "it's\nover", "{a} and {b}", "—")
VALUES = (
    "ssh",
    "SSH",
    'say "no"',
    "back\\slash",
    "50%",
    "_",
    "ärger",
    "two\nlines",
    "tab\there",
    "\x01",
    "",
    "1",
    "true",
)
NAMES = ("unit", "a", "b.c", "d/e", "x-y")


@pytest.fixture(autouse=True)
def hardly_any_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what a few devices say in a day is a long stream, sorted in several slices."""
    monkeypatch.setattr(newest, "FETCHED", 7)
    monkeypatch.setattr(newest, "SORTED_BYTES", 2_000)


def log(n: int, at: datetime) -> LogLine:
    """The n-th of a set that holds everything at least once, in every mixture."""
    fields = {name: VALUES[(n * (k + 3)) % len(VALUES)] for k, name in enumerate(NAMES[: n % 4])}
    return LogLine(
        id=uuid.UUID(int=n + 1),
        time=at,
        source=("sshd", "kernel")[n % 2],
        template=WORDS[n % len(WORDS)],
        severity=GRAVE[n % len(GRAVE)],  # type: ignore[arg-type]
        fields=fields,
    )


def span(n: int, at: datetime) -> Span:
    return Span(
        trace_id=f"{n % 7 + 1:032x}",
        span_id=f"{n + 1:016x}",
        name=("install", "download", "verify")[n % 3],
        start=at,
        end=at + timedelta(milliseconds=250 * (n % 9)),
        parent_id=None if n % 4 == 0 else f"{n // 2 + 1:016x}",
        status=("unset", "ok", "error")[n % 3 if n % 5 else 2],  # type: ignore[arg-type]
        attributes={name: VALUES[(n * (k + 2)) % len(VALUES)] for k, name in enumerate(NAMES[: n % 3])},
    )


async def tell(line: Line, device: Device, first: int, days: int) -> None:
    """Forty lines and spans, half a minute apart, some at one moment."""
    at = [NOW - timedelta(days=days, seconds=30 * (n // 2)) for n in range(40)]
    told = Payload(
        device_id=device.id,
        timestamp=at[0],
        logs=tuple(log(first + n, t) for n, t in enumerate(at)),
        spans=tuple(span(first + n, t) for n, t in enumerate(at)),
    )
    await line.append(device.batch([told]))
    await line.digest()


async def settled(line: Line, objects: S3Objects, devices: Sequence[Device]) -> None:
    """Two days in files, one of them told late, in a second file of the same day; and one day hot."""
    for k, device in enumerate(devices):
        await tell(line, device, 1_000 * k, 2)
        await tell(line, device, 1_000 * k + 100, 1)
    await seal(line, objects)
    await tell(line, devices[0], 300, 2)
    await seal(line, objects)
    for k, device in enumerate(devices):
        await tell(line, device, 1_000 * k + 200, 0)


async def all_lines(archive: Archive, asks: Lines, most: int | None = None) -> list[LineRow]:
    async with aclosing(lines.lines(archive, asks, most)) as lists:
        return [row async for rows in lists for row in rows]


async def all_spans(archive: Archive, asks: Spans, most: int | None = None) -> list[SpanRow]:
    async with aclosing(spans.spans(archive, asks, most)) as lists:
        return [row async for rows in lists for row in rows]


def whole() -> Lines:
    return Lines(since=SINCE, until=UNTIL, kinds=("log", "event"))


def naive(rows: Sequence[LineRow], asks: Lines) -> list[LineRow]:
    """What plain Python finds."""

    def says(row: LineRow, word: str) -> bool:
        return any(word.lower() in text.lower() for text in (row.text, *row.fields.values()))

    return [
        row
        for row in rows
        if asks.since <= row.time < asks.until
        and (asks.devices is None or row.device in asks.devices)
        and (not asks.sources or row.source in asks.sources)
        and GRAVE.index(row.severity) >= GRAVE.index(asks.severity)
        and all(says(row, word) for word in asks.words)
        and all(row.fields.get(name) == value for name, value in asks.fields)
        and (asks.after is None or row.key < asks.after)
    ]


def naive_spans(rows: Sequence[SpanRow], asks: Spans) -> list[SpanRow]:
    return [
        row
        for row in rows
        if asks.since <= row.time < asks.until
        and (asks.devices is None or row.device in asks.devices)
        and (not asks.names or row.name in asks.names)
        and (not asks.statuses or row.status in asks.statuses)
        and row.duration_s >= asks.least_s
        and (not asks.roots or row.parent_id is None)
        and all(row.attributes.get(name) == value for name, value in asks.attributes)
        and (asks.after is None or row.key < asks.after)
    ]


moments = st.integers(-11 * 1440 * 2, 4).map(lambda n: NOW + n * timedelta(seconds=30))
word = st.sampled_from(
    [*WORDS, *VALUES, "t", "OUT", "{", '"', "\\", "%", "_", "'", "') OR 1=1 --", "$.*", "ssh"]
).filter(bool)
pair = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES))


async def examples(count: int, of: st.SearchStrategy[Any], check: Callable[[Any], Any]) -> None:
    """Hypothesis makes them; each is asked in this test's own loop."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(of)
    def each(example: Any) -> None:
        asyncio.run_coroutine_threadsafe(check(example), loop).result(30)

    await asyncio.to_thread(each)


async def test_lines_are_found_as_plain_python_finds_them_wherever_they_lie(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    devices = [await line.enrol() for _ in range(2)]
    await settled(line, objects, devices)
    every = await all_lines(archive, whole())
    assert len(every) == 40 * 7
    assert [row.key for row in every] == sorted((row.key for row in every), reverse=True)
    said = {(log(n, NOW).template, msgspec.json.encode(dict(sorted(log(n, NOW).fields.items())))) for n in range(1300)}
    assert {(row.text, msgspec.json.encode(dict(sorted(row.fields.items())))) for row in every} <= said
    asked = st.builds(
        Lines,
        since=moments,
        until=moments,
        kinds=st.just(("log",)),
        devices=st.sampled_from([None, [devices[0].id], [uuid.uuid4()], [d.id for d in devices]]),
        sources=st.sampled_from([(), ("sshd",), ("nobody",)]),
        severity=st.sampled_from(GRAVE),
        words=st.lists(word, max_size=2),
        fields=st.lists(pair, max_size=1),
        after=st.sampled_from([None, *(row.key for row in every[::37])]),
    )

    async def check(asks: Lines) -> None:
        expected = naive(every, asks)
        assert await all_lines(archive, asks) == expected
        assert await all_lines(archive, asks, most=3) == expected

    await examples(60, asked, check)


async def test_spans_are_found_as_plain_python_finds_them_wherever_they_lie(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    devices = [await line.enrol() for _ in range(2)]
    await settled(line, objects, devices)
    every = await all_spans(archive, Spans(since=SINCE, until=UNTIL))
    assert len(every) == 40 * 7
    asked = st.builds(
        Spans,
        since=moments,
        until=moments,
        devices=st.sampled_from([None, [devices[0].id], [uuid.uuid4()]]),
        names=st.sampled_from([(), ("install",), ("install", "verify"), ("nothing",)]),
        statuses=st.sampled_from([(), ("error",), ("ok", "unset")]),
        attributes=st.lists(pair, max_size=1),
        least_s=st.sampled_from([0.0, 0.25, 1.0, 99.0]),
        roots=st.booleans(),
        after=st.sampled_from([None, *(row.key for row in every[::37])]),
    )

    async def check(asks: Spans) -> None:
        expected = naive_spans(every, asks)
        assert await all_spans(archive, asks) == expected
        assert await all_spans(archive, asks, most=3) == expected

    await examples(40, asked, check)
    for trace_id in {row.trace_id for row in every}:
        of_trace = [row for row in every if row.trace_id == trace_id]
        in_order = sorted(of_trace, key=lambda row: (row.time, row.span_id, row.position, row.item))
        assert await spans.trace(archive, trace_id) == in_order
        assert {row.device for row in in_order} == {device.id for device in devices}
    assert await spans.trace(archive, "f" * 32) == []


async def test_what_is_masked_is_found_by_nothing(line: Line, archive: Archive, objects: S3Objects) -> None:
    devices = [await line.enrol() for _ in range(2)]
    await settled(line, objects, devices)
    gone, stays = devices
    before = await all_lines(archive, whole())
    await masks.erase(line.app, gone.id, None, NOW - timedelta(hours=12), datetime.now(UTC))
    after = await all_lines(archive, whole())
    assert after == [r for r in before if r.device == stays.id or r.time >= NOW - timedelta(hours=12)]
    assert {row.device for row in await all_spans(archive, Spans(since=SINCE, until=NOW - timedelta(hours=12)))} == {
        stays.id
    }
    for n in range(7):
        kept = await spans.trace(archive, f"{n + 1:032x}")
        assert all(row.device == stays.id or row.time >= NOW - timedelta(hours=12) for row in kept)


async def test_a_page_goes_on_behind_its_last_row_without_one_twice_or_missing(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    devices = [await line.enrol() for _ in range(2)]
    await settled(line, objects, devices)
    every = await all_lines(archive, whole())
    seen: list[LineRow] = []
    after: LineKey | Key | None = None
    while True:
        asks = msgspec.structs.replace(whole(), after=after)
        page: list[LineRow] = []
        async with aclosing(lines.lines(archive, asks, 11)) as lists:
            async for rows in lists:
                page += rows
                if len(page) >= 11:
                    break
        if not page:
            break
        seen += page[:11]
        after = seen[-1].key
    assert seen == every


@pytest.mark.parametrize("name", ["", "a'b", 'a"b', "a]b", "$", "a b", "*", "a\nb", "x') OR ('1'='1"])
async def test_a_name_that_no_field_can_have_is_refused(line: Line, archive: Archive, name: str) -> None:
    device = await line.enrol()
    await tell(line, device, 0, 0)
    with pytest.raises(Refused):
        await all_lines(archive, msgspec.structs.replace(whole(), fields=((name, "x"),)))
    with pytest.raises(Refused):
        await all_spans(archive, Spans(since=SINCE, until=UNTIL, attributes=((name, "x"),)))


@given(st.lists(st.integers(0, newest.ROWS_AT_ONCE), min_size=1, max_size=12), st.integers(1, 16))
def test_days_are_looked_through_together_only_while_their_files_hold_few_rows(rows: list[int], at_once: int) -> None:
    times = [NOW - timedelta(days=n) for n in range(len(rows))]
    days = [each.date() for each in times]
    files = [
        file_of(each, at, at) for at, half in zip(times, rows, strict=True) for each in (half // 2, half - half // 2)
    ]
    some = newest.few(days, at_once, files)
    assert list(some) == days[: len(some)]
    assert 1 <= len(some) <= at_once
    assert len(some) == 1 or sum(rows[: len(some)]) <= newest.ROWS_AT_ONCE
    if len(some) < min(at_once, len(days)):
        assert sum(rows[: len(some) + 1]) > newest.ROWS_AT_ONCE, "no fewer than may be"


def file_of(rows: int, since: datetime, until: datetime) -> File:
    return File(
        kind="metrics",
        object="object",
        day=since.date(),
        first=1,
        last=1,
        generation=0,
        rows=rows,
        size=1,
        digest=b"",
        since=since,
        until=until,
    )
