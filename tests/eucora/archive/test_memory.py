"""What is far larger than the memory that it may take is written and told all the same (in `make test-live`)."""

import random
import uuid
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from tests.eucora.archive.test_newest import NOW, SINCE, tell
from tests.eucora.line import Line

from eucora.archive import asking, lines, parquet
from eucora.archive.lines import Lines
from eucora.archive.query import Archive
from eucora.stores.s3 import S3Objects


def test_a_window_far_larger_than_its_memory_becomes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SETTINGS", {**parquet.SETTINGS, "memory_limit": "200MB"})
    csv, dice, count = tmp_path / "lines.csv", random.Random(1), 60_000
    with csv.open("w", encoding="utf-8") as file:
        for n in range(count):
            time = 1_764_000_000_000_000 + n
            text = dice.randbytes(2_000).hex()
            file.write(f'{uuid.UUID(int=n % 50)},{time},{time},{n},{n},0,0,0,1,{uuid.UUID(int=n)},,1,"{text}\n""",\n')
    assert csv.stat().st_size > 230 * 2**20
    written = parquet.write_days("lines", csv, tmp_path)
    assert sum(each.rows for each in written) == count
    order = "shape, device, time, position, item"
    for each in written:
        found = duckdb.read_parquet(str(each.path)).select(order).fetchall()
        assert found == sorted(found), "rows lie in order all the same"


async def test_a_stream_of_more_than_its_memory_is_told_whole(
    line: Line, archive: Archive, objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = Archive(archive.pool, archive.copies, asking.Asking(asking.Bounds(memory_mib=128, timeout_s=60)))
    device = await line.enrol()
    await tell(line, device, 0, 0)
    window, shape = (
        await line.rows(
            "SELECT \"window\", shape FROM hot_lines JOIN shapes USING (shape) WHERE parts ->> 'kind' = 'log' LIMIT 1"
        )
    )[0]
    # 300,000 lines of 1.2 kB of which hardly two are alike: 360 MB of text, nearly three times the memory.
    await line.app.execute(
        'INSERT INTO hot_lines ("window", device, time, received, position, item, shard, lane, marks, shape, id, text)'
        " SELECT $1, $2, $3::timestamptz - n * interval '10 ms', $3, n, n, 0, 0, 0, $4, gen_random_uuid(),"
        " (SELECT string_agg(md5(n::text || k::text), '') FROM generate_series(1, 38) k)"
        " FROM generate_series(1, 300000) n",
        window,
        device.id,
        NOW - timedelta(hours=1),
        shape,
        timeout=100,
    )
    count, last = 0, None
    asks = Lines(since=SINCE, until=NOW - timedelta(minutes=59), kinds=("log",))
    async with aclosing(lines.lines(bounded, asks)) as lists:
        async for rows in lists:
            assert len(rows) <= 1_000
            assert last is None or rows[0].key < last
            last = rows[-1].key
            count += len(rows)
    assert count == 300_000
