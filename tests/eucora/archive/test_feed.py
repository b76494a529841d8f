"""Whoever reads on from a cursor gets every row once, from wherever it lies, and stops between two entries."""

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Device, Line

from eucora.archive import compact, feed
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.archive.stretches import Range
from eucora.archive.windows import close_window
from eucora.domains.all import erased
from eucora.stores.ports import Kind, Reading
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware, Volume
from eucora_wire.sections.logs import Line as Log
from eucora_wire.sections.spans import Span as Step

NOW = datetime.now(UTC).replace(microsecond=123_000) - timedelta(minutes=1)


@pytest.fixture
def fed(line: Line, objects: S3Objects, tmp_path: Any) -> Feed:
    return feed_of("metrics", line, objects, tmp_path)


def feed_of(kind: Kind, line: Line, objects: S3Objects, folder: Path) -> Feed:
    return Feed(line.app, Copies(objects, folder / f"fed-{kind}", 64 * 2**20), kind, partial(erased, line.app))


def payload(device: Device, at: datetime, n: int) -> Payload:
    volumes = (Volume("/", total=100 + n, used=50 + n),) if n % 2 else ()
    return Payload(device_id=device.id, timestamp=at, hardware=Hardware(cpu=float(n % 100), volumes=volumes))


async def tell(line: Line, device: Device, batches: int, each: int, days: int = 0) -> None:
    for batch in range(batches):
        times = [NOW - timedelta(days=days, minutes=batch * each + n) for n in range(each)]
        lane = "replay" if days else "live"
        await line.append(device.batch([payload(device, at, n) for n, at in enumerate(times)], lane=lane))
    await line.digest()


async def seal(line: Line, objects: S3Objects) -> None:
    await close_window(line.app, datetime.now(UTC) + timedelta(seconds=1), timedelta(0))
    await compact.compact(line.app, objects, epoch=1)


async def read_on(fed: Feed, at: dict[Any, int], most: int) -> list[Reading]:
    """Stretch after stretch until nothing is new."""
    found: list[Reading] = []
    while (stretch := await fed.after(at, most)).behind:
        found += stretch.parcel.rows
        assert stretch.parcel.shapes.keys() == {r.shape for r in stretch.parcel.rows}
        moved = {place: position for place, (position, _) in stretch.behind.items()}
        assert all(position > at.get(place, 0) for place, position in moved.items())
        at.update(moved)
    return found


def points(readings: list[Reading], shapes: Mapping[int, int]) -> Counter[Any]:
    return Counter((r.device, r.time, r.received, tuple(r.values[: shapes[r.shape]])) for r in readings)


async def everything(line: Line) -> Counter[Any]:
    rows = await line.app.fetch('SELECT device, time, received, "values" FROM hot_metrics')
    return Counter((r["device"], r["time"], r["received"], tuple(r["values"])) for r in rows)


async def lengths(line: Line) -> dict[int, int]:
    return dict(await line.rows("SELECT shape, jsonb_array_length(parts) FROM shapes WHERE kind = 'metrics'"))


@pytest.mark.parametrize("most", [1, 7, 10_000])
async def test_hot_rows_and_files_are_read_on_each_once_in_parcels_of_any_size(
    line: Line, objects: S3Objects, fed: Feed, most: int
) -> None:
    first, second = await line.enrol(), await line.enrol()
    await tell(line, first, 3, 4, days=20)
    await tell(line, second, 2, 5)
    await seal(line, objects)
    await tell(line, first, 2, 3)
    await seal(line, objects)
    await tell(line, second, 2, 3, days=2)
    await tell(line, first, 1, 9)
    whole = await everything(line)
    assert sum(whole.values()) == 12 + 10 + 6 + 6 + 9
    at: dict[Any, int] = {}
    assert points(await read_on(fed, at, most), await lengths(line)) == whole
    assert (await fed.after(at, most)).behind == {}
    dropped = await compact.drop(line.app, datetime.now(UTC) + timedelta(days=1))
    assert dropped == [1, 2]
    assert points(await read_on(fed, {}, most), await lengths(line)) == whole, "also when files alone hold them"


async def test_what_comes_later_is_read_on_behind_the_cursor(line: Line, objects: S3Objects, fed: Feed) -> None:
    device = await line.enrol()
    at: dict[Any, int] = {}
    seen: Counter[Any] = Counter()
    for turn in range(4):
        await tell(line, device, 1, 5, days=turn % 2 * 3)
        seen += points(await read_on(fed, at, 100), await lengths(line))
        if turn == 1:
            await seal(line, objects)
    assert sum(seen.values()) == 20
    assert seen == await everything(line)


async def test_a_parcel_holds_no_more_rows_than_asked_for_but_a_whole_entry(line: Line, fed: Feed) -> None:
    device = await line.enrol()
    await tell(line, device, 5, 4)
    await tell(line, device, 1, 30)
    sizes, at = [], {}
    while (stretch := await fed.after(at, 10)).behind:
        sizes.append(len(stretch.parcel.rows))
        at |= {place: position for place, (position, _) in stretch.behind.items()}
    assert sum(sizes) == 50
    assert sorted(sizes)[-1] == 30
    assert all(size <= 10 for size in sizes if size != 30)


async def test_single_entries_are_found_by_their_place_hot_or_in_a_file(
    line: Line, objects: S3Objects, fed: Feed
) -> None:
    device = await line.enrol()
    await tell(line, device, 3, 4)
    (place,) = await line.rows("SELECT DISTINCT shard, lane, 2::bigint FROM hot_metrics")
    for _ in range(2):
        parcel = await fed.at([place], [datetime.now(UTC)])
        assert len(parcel.rows) == 4
        await seal(line, objects)
    shard, lane, _ = place
    assert (await fed.at([(shard, lane, 99)], [datetime.now(UTC)])).rows == []


async def test_the_cursor_tells_when_the_last_entry_behind_it_was_received(line: Line, fed: Feed) -> None:
    device = await line.enrol()
    await tell(line, device, 3, 4)
    stretch = await fed.after({}, 1_000)
    (received,) = [moment for position, moment in stretch.behind.values() if position]
    assert received == max(r.received for r in stretch.parcel.rows)


def spoken(device: Device, at: datetime, n: int) -> Payload:
    """Lines and spans, of which some have all that there can be and others nothing that need not be."""
    log = Log(
        uuid.uuid4(), at, "sshd", f"line {n} of {{user}}", "warning", {"user": "x", "n": str(n)} if n % 2 else {}, n + 1
    )
    bare = Log(uuid.uuid4(), at, "cron", "")
    step = Step(uuid.uuid4().hex, uuid.uuid4().hex[:16], "boot", at, at + timedelta(seconds=n))
    child = Step(
        step.trace_id, uuid.uuid4().hex[:16], "login", at, at, step.span_id, "error", {"n": "1.5", "ok": "yes"}
    )
    return Payload(device_id=device.id, timestamp=at, logs=(log, bare), spans=(step, child))


async def say(line: Line, device: Device, batches: int, subject: uuid.UUID | None, days: int = 0) -> list[Payload]:
    sent = []
    for batch in range(batches):
        at = NOW - timedelta(days=days, minutes=batch)
        said = [spoken(device, at - timedelta(seconds=n), n) for n in range(3)]
        await line.append(device.batch(said, subject=subject, lane="replay" if days else "live"))
        sent += said
    await line.digest()
    return sent


def lines_of(sent: list[Payload], subject: uuid.UUID | None) -> Counter[Any]:
    return Counter(
        (
            p.device_id,
            log.time,
            log.id,
            subject,
            log.count,
            log.template,
            str(sorted(log.fields.items())),
            log.source,
            log.severity,
        )
        for p in sent
        for log in p.logs
    )


def spans_of(sent: list[Payload], subject: uuid.UUID | None) -> Counter[Any]:
    return Counter(
        (
            *(p.device_id, span.start, bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)),
            bytes.fromhex(span.parent_id) if span.parent_id else None,
            *(
                subject,
                (span.end - span.start).total_seconds(),
                span.status,
                str(sorted(span.attributes.items())),
                span.name,
            ),
        )
        for p in sent
        for span in p.spans
    )


async def heard(fed: Feed, kind: Kind, most: int) -> Counter[Any]:
    """What a reader was told, in the words of what was sent."""
    found: Counter[Any] = Counter()
    at: dict[Any, int] = {}
    while (stretch := await fed.after(at, most)).behind:
        at |= {place: position for place, (position, _) in stretch.behind.items()}
        for r in stretch.parcel.rows:
            shape = stretch.parcel.shapes[r.shape]
            if kind == "lines":
                said = (
                    r.device,
                    r.time,
                    r.id,
                    r.subject,
                    r.count,
                    r.text,
                    str(sorted(r.fields.items())),
                    shape["source"],
                    shape["severity"],
                )
            else:
                of = (r.device, r.time, r.trace_id, r.span_id, r.parent_id, r.subject)
                said = (*of, r.duration_s, r.status, str(sorted(r.attributes.items())), shape["name"])  # type: ignore[assignment]
            found[said] += 1
    return found


@pytest.mark.parametrize("most", [1, 5, 10_000])
@pytest.mark.parametrize("kind", ["lines", "spans"])
async def test_lines_and_spans_are_read_on_each_once_hot_or_in_files(
    line: Line, objects: S3Objects, tmp_path: Path, kind: Kind, most: int
) -> None:
    of = lines_of if kind == "lines" else spans_of
    first, second, subject = await line.enrol(), await line.enrol(), uuid.uuid4()
    whole = of(await say(line, first, 2, subject, days=20), subject) + of(await say(line, second, 2, None), None)
    await seal(line, objects)
    whole += of(await say(line, first, 1, subject), subject)
    await seal(line, objects)
    whole += of(await say(line, second, 2, None, days=3), None)
    fed = feed_of(kind, line, objects, tmp_path)
    assert sum(whole.values()) == 42
    assert await heard(fed, kind, most) == whole
    await compact.drop(line.app, datetime.now(UTC) + timedelta(days=1))
    assert await heard(fed, kind, most) == whole, "also when files alone hold them"


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("kind", ["lines", "spans"])
async def test_what_an_erased_person_wrote_reaches_no_follower(
    line: Line, objects: S3Objects, tmp_path: Path, kind: Kind, sealed: bool
) -> None:
    device, gone, other = await line.enrol(), uuid.uuid4(), uuid.uuid4()
    await say(line, device, 1, gone)
    await say(line, device, 1, other)
    if sealed:
        await seal(line, objects)

    async def one(subjects: set[uuid.UUID]) -> set[uuid.UUID]:
        return subjects & {gone}

    fed = Feed(line.app, Copies(objects, tmp_path / "fed", 2**26), kind, one)
    rows: Any = (await fed.after({}, 1_000)).parcel.rows
    told = [(row.text, row.fields) if kind == "lines" else (row.attributes,) for row in rows if row.subject is None]
    assert len(rows) == 12
    assert told == [("", {}) if kind == "lines" else ({},)] * 6
    assert {row.subject for row in rows} == {None, other}


async def test_a_parcel_holds_no_more_text_than_it_may_but_a_whole_entry(
    line: Line, objects: S3Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_BYTES", 5_000)
    device = await line.enrol()
    for length in (1_900, 1_900, 1_900, 10, 10):
        said = [Log(uuid.uuid4(), NOW, "a", "x" * length) for _ in range(2)]
        await line.append(device.batch([Payload(device_id=device.id, timestamp=NOW, logs=tuple(said))]))
    said = [Log(uuid.uuid4(), NOW, "a", "y" * 2_000) for _ in range(4)]
    await line.append(device.batch([Payload(device_id=device.id, timestamp=NOW, logs=tuple(said))]))
    await line.digest()
    fed, at, sizes = feed_of("lines", line, objects, tmp_path), {}, []
    while (stretch := await fed.after(at, 100)).behind:
        at |= {place: position for place, (position, _) in stretch.behind.items()}
        sizes.append(sum(len(row.text) for row in stretch.parcel.rows))
    assert sum(sizes) == 3 * 3_800 + 40 + 8_000
    assert all(size <= 5_000 or size == 8_000 for size in sizes)


places = st.dictionaries(st.tuples(st.integers(0, 7), st.integers(0, 1)), st.integers(1, 500), max_size=16)


@given(places, places, st.integers(1, 1_000))
def test_ranges_begin_at_the_cursor_and_never_pass_what_was_digested(
    tips: dict[Any, int], cursor: dict[Any, int], entries: int
) -> None:
    found = feed.ranges(cursor, tips, entries)
    late = {place for place, tip in tips.items() if tip > cursor.get(place, 0)}
    assert {(r.shard, r.lane) for r in found} == late
    assert all(r.after == cursor.get((r.shard, r.lane), 0) < r.upto <= tips[r.shard, r.lane] for r in found)
    assert sum(r.upto - r.after for r in found) <= max(entries, len(late))


def test_a_cut_leaves_out_the_entry_that_may_go_on() -> None:
    rows = [(0, 0, 1, 1), (0, 0, 2, 1), (0, 1, 5, 1), (0, 1, 6, 1), (0, 1, 6, 2)]
    wanted = [Range(0, 0, 0, 9), Range(1, 0, 3, 9), Range(2, 0, 0, 9)]
    kept, whole = feed.cut(rows, wanted)
    assert kept == rows[:3]
    assert whole == [Range(0, 0, 0, 9), Range(1, 0, 3, 5)]


def test_what_the_archive_reads_stands_in_the_order_of_what_a_follower_gets() -> None:
    assert feed.LINE[feed.DEVICE :] == feed.Line.__struct_fields__
    assert feed.SPAN[feed.DEVICE :] == feed.Span.__struct_fields__
