"""Whatever stands in a hot row stands in its file, whatever its text is; a large window and a strange one do no harm."""

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.eucora.archive.test_compact import seal
from tests.eucora.line import Line

from eucora.archive import parquet, rows
from eucora.archive.query import Archive
from eucora.problems import TryLater
from eucora.stores.s3 import S3Objects

NOW = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
HOSTILE = (
    *(
        "",
        " ",
        '"',
        '""',
        '",',
        "\n",
        "\r\n",
        "\\",
        "\\N",
        "NULL",
        "null",
        ",",
        "'",
        "{}",
        "\\.",
        "\t",
        "\ufeff",
        "é\u2028😀",
    ),
    '"\n"' * 300,
    "x" * 2_000,
    "\x01\x7f",
)
NUMBERS = (0.0, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 0.1, 1 / 3, 2.0**53 + 1)


def place(device: uuid.UUID, n: int, shape: int, at: datetime = NOW) -> tuple[Any, ...]:
    return (device, at, at + timedelta(microseconds=n), n, n, 0, 1, 5, shape)


async def write(line: Line, *told: list[Any]) -> None:
    await line.app.execute(
        "INSERT INTO shapes (kind, parts, digest) SELECT 'lines', '{}', n::text::bytea FROM generate_series(1, 9) n"
    )
    async with line.app.acquire() as tx, tx.transaction():
        await rows.write(tx, *told, {})


async def files(line: Line, objects: S3Objects, folder: Path, kind: str) -> list[dict[str, Any]]:
    """All that stands in the current files of a kind, with times as the database has them."""
    found = []
    for n, (key,) in enumerate(
        await line.rows("SELECT object FROM archive_files WHERE kind = $1 AND replaced_at IS NULL", kind)
    ):
        path = folder / f"{n}.parquet"
        path.write_bytes(await objects.get(key) or b"")
        read = duckdb.read_parquet(str(path))
        found += [dict(zip(read.columns, row, strict=True)) for row in read.fetchall()]
    return sorted(found, key=lambda row: row["item"])


async def test_texts_that_mean_something_to_csv_come_through_as_they_were(
    line: Line, objects: S3Objects, tmp_path: Path
) -> None:
    dice = random.Random(5)
    texts = [*HOSTILE, *("".join(dice.choices('",\n\\ax€', k=dice.randrange(60))) for _ in range(400))]
    device = uuid.uuid4()
    lines = [
        (*place(device, n, 1), uuid.uuid4(), uuid.uuid4() if n % 2 else None, n, text, _json(text) if n % 3 else None)
        for n, text in enumerate(texts)
    ]
    spans = [
        (
            *place(device, n, 2),
            bytes([n % 256]) * 16,
            b"\x00" * 8,
            None if n % 2 else b"\xff" * 8,
            None,
            n / 3,
            text,
            None,
        )
        for n, text in enumerate(texts)
    ]
    await write(line, [], lines, spans)
    expected = {
        kind: [dict(row) for row in await line.app.fetch(f"SELECT * FROM hot_{kind} ORDER BY item")]
        for kind in ("lines", "spans")
    }
    assert await seal(line, objects) == [1]
    for kind, hot in expected.items():
        found = await files(line, objects, tmp_path, kind)
        for row in hot:
            del row["window"]
            row |= {name: row[name].replace(tzinfo=None) for name in ("time", "received")}
            row |= {name: row[name].hex() for name in row if name in ("trace_id", "span_id", "parent_id") and row[name]}
        assert found == hot


def _json(text: str) -> str:
    import msgspec

    return msgspec.json.encode({"a": text, "b": [text, None, 1]}).decode()


async def test_numbers_come_through_to_the_last_bit_and_a_row_without_one_does_no_harm(
    line: Line, archive: Archive, objects: S3Objects, tmp_path: Path
) -> None:
    device = uuid.uuid4()
    values = [[], [float("nan")], list(NUMBERS), [n * 1.1 for n in range(parquet.NARROW)], [n / 7 for n in range(318)]]
    await write(line, [(*place(device, n, 1 + n), each) for n, each in enumerate(values)], [], [])
    assert await seal(line, objects) == [1]
    found = await files(line, objects, tmp_path, "metrics")
    columns = [[row.get(f"v{n}") for n in range(1, len(each) + 1)] for row, each in zip(found, values, strict=True)]
    assert repr(columns) == repr(values)
    widths = await line.rows("SELECT width, rows FROM archive_files ORDER BY width")
    assert widths == [(parquet.NARROW, 4), (318, 1)], "one wide row widens no other"


async def test_a_day_of_very_many_rows_becomes_several_files_also_of_a_few_devices(
    line: Line, objects: S3Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROWS_A_FILE", 2048)
    devices = [uuid.UUID(int=n) for n in range(3)]
    metrics = [(*place(devices[n % 3], n, 1, NOW + timedelta(days=n % 2)), [float(n)]) for n in range(30_000)]
    await write(line, metrics, [], [])
    assert await seal(line, objects) == [1]
    found = await files(line, objects, tmp_path, "metrics")
    assert [(row["item"], row["v1"]) for row in found] == [(n, float(n)) for n in range(30_000)]
    days = await line.rows("SELECT day, count(*), min(rows) > 0 FROM archive_files GROUP BY 1 ORDER BY 1")
    assert [day for day, _, _ in days] == [date(2026, 3, 29), date(2026, 3, 30)]
    assert all(1 < count <= 3 and filled for _, count, filled in days)


def test_what_duckdb_can_not_read_is_to_be_tried_later(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 none of ours")
    with pytest.raises(TryLater), parquet.working() as db:
        parquet.read(db, [tmp_path / "x.parquet"]).fetchall()
