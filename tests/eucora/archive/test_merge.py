"""Small files become one, and nobody who asks sees a difference; what is replaced goes, and what nobody names."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.archive.test_compact import NOW, close, tell, told
from tests.eucora.line import Line

from eucora.archive import compact, masks, merge, sweep
from eucora.archive.files import File
from eucora.archive.query import Archive
from eucora.stores.s3 import S3Objects

SOON, LATER = timedelta(hours=2), timedelta(days=2)

small_files = st.lists(
    st.builds(
        lambda kind, day, wide, n, rows, size: File(
            kind=kind,
            object=str(uuid.uuid4()),
            day=date(2026, 1, 1 + day),
            first=n,
            last=n,
            generation=n % (merge.MOST_TIMES + 1),
            rows=rows,
            size=size,
            digest=b"",
            since=NOW,
            until=NOW,
            width=merge.NARROW + wide,
        ),
        st.sampled_from(("lines", "metrics")),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(1, 99),
        st.integers(1, 600_000),
        st.integers(1, merge.SMALL_BYTES),
    ),
    max_size=60,
).map(lambda found: sorted(found, key=lambda f: (f.kind, f.day, f.width, f.first)))


@given(small_files)
def test_groups_are_of_one_kind_day_and_width_and_within_bounds(small: list[File]) -> None:
    found = merge.groups(small)
    assert len({f.object for group in found for f in group}) == sum(len(group) for group in found)
    for group in found:
        assert len({(f.kind, f.day, f.width) for f in group}) == 1
        assert len(group) >= merge.FEW
        assert max(f.generation for f in group) < merge.MOST_TIMES
        assert sum(f.size for f in group) <= merge.MOST_BYTES
        assert sum(f.rows for f in group) <= merge.ROWS_A_FILE


async def current(line: Line) -> list[tuple[object, ...]]:
    return await line.rows(
        "SELECT kind, first, last, generation, rows::int FROM archive_files WHERE replaced_at IS NULL ORDER BY 1"
    )


async def keys(objects: S3Objects, epoch: int) -> set[str]:
    return {s.key for k in ("lines", "metrics") async for s in objects.list(f"archive/{k}/{epoch}/")}


@pytest.fixture
def epoch() -> int:
    """Objects of this test alone."""
    return uuid.uuid4().int % 10**9


async def test_small_files_of_a_day_become_one_and_every_answer_stays(
    line: Line, archive: Archive, objects: S3Objects, epoch: int
) -> None:
    device = await line.enrol()
    for _ in range(merge.FEW):
        await tell(line, device, 3, days=3)
        await close(line)
    await compact.compact(line.app, objects, epoch)
    before, old = await told(archive, device), await keys(objects, epoch)
    now = datetime.now(UTC)
    assert await merge.merge(line.app, objects, epoch, now) == 0, "too young"
    assert await merge.merge(line.app, objects, epoch, now + SOON) == 2 * (merge.FEW - 1)
    assert await current(line) == [(kind, 1, merge.FEW, 1, 3 * merge.FEW) for kind in ("lines", "metrics")]
    assert await told(archive, device) == before
    assert await sweep.delete_replaced(line.app, objects, now) == 0, "a query may still read them"
    assert await sweep.delete_replaced(line.app, objects, now + SOON) == 2 * merge.FEW
    assert len(await keys(objects, epoch)) == 2
    assert not await keys(objects, epoch) & old
    assert await told(archive, device) == before
    assert await merge.merge(line.app, objects, epoch, now + SOON) == 0


async def test_what_is_masked_does_not_come_into_a_merged_file(
    line: Line, archive: Archive, objects: S3Objects, epoch: int
) -> None:
    gone, other = await line.enrol(), await line.enrol()
    for _ in range(merge.FEW):
        for device in (gone, other):
            await tell(line, device, 2, days=3)
        await close(line)
    await compact.compact(line.app, objects, epoch)
    before = await told(archive, other)
    await masks.erase(line.app, gone.id, None, None, datetime.now(UTC))
    await merge.merge(line.app, objects, epoch, datetime.now(UTC) + SOON)
    assert [row[-1] for row in await current(line)] == [2 * merge.FEW, 2 * merge.FEW]
    assert await told(archive, other) == before


async def test_an_object_that_nobody_names_goes_a_day_after_it_was_seen_and_no_other(
    line: Line, archive: Archive, objects: S3Objects, epoch: int
) -> None:
    device = await line.enrol()
    await tell(line, device, 3)
    await close(line)
    await compact.compact(line.app, objects, epoch)
    before, named = await told(archive, device), await keys(objects, epoch)
    stray = f"archive/lines/{epoch}/9-9/0/2026-01-01-0-abc.parquet"
    await objects.put(stray, b"left by a worker that was killed")
    now = datetime.now(UTC)
    assert await sweep.sweep(line.app, objects, epoch, now) == 0
    assert stray in await keys(objects, epoch)
    assert await sweep.sweep(line.app, objects, epoch, now + LATER) == 1
    assert named - {stray} == (await keys(objects, epoch)) & named
    assert stray not in await keys(objects, epoch)
    await objects.put(stray, b"once more")
    assert await sweep.sweep(line.app, objects, epoch, now + LATER) == 0, "it is seen for the first time again"
    assert await told(archive, device) == before
