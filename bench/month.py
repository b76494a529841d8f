"""A month of a fleet, and how long typical questions about it take: `python -m bench.month` (some minutes, 5 GB of disk).

Files are written by the archive's own writer, catalogued in a real PostgreSQL, and asked through the archive as the API
does, one question after the other; their copies are on this machine. Prints JSON: sizes, and the slowest of some runs,
with the processor time of this process beside it: that is what a busy machine does not change.
"""

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from eucora.archive import files as catalogue
from eucora.archive import lines, spans
from eucora.archive.copies import Copies
from eucora.archive.files import File
from eucora.archive.lines import Lines
from eucora.archive.parquet import Kind, parts, working
from eucora.archive.query import Archive
from eucora.archive.spans import Spans
from eucora.domains.telemetry import queries
from eucora.domains.telemetry.queries import Asked
from eucora.embedded.start import start_embedded
from eucora.journal.founding import found
from eucora.migrations.migrate import migrate
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import open_pool

SQL = load(__file__, "month.sql")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LINES_A_DAY, TRACES_A_DAY = 200, 20
GOAL_S = 2.0
Ask = Callable[[], Awaitable[int]]


def main() -> None:
    """Write, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--devices", type=int, default=1000)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--repeat", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="eucora-bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), given.devices, given.days, given.repeat)), indent=2))


async def measure(folder: Path, devices: int, days: int, repeat: int) -> dict[str, Any]:
    """Sizes, then the slowest run of each question."""
    server = await asyncio.to_thread(start_embedded, folder / "data", frozenset({"postgres"}), lambda name, what: None)
    try:
        await migrate(server.postgres_owner_url)
        pool = await open_pool(server.postgres_url, name="bench")
        try:
            await found(pool, uuid.uuid4(), 16)
            await pool.execute(SQL.shapes)
            await pool.execute(SQL.models, devices, START)
            archive = Archive(pool, Copies(cast("Objects", None), folder / "copies", 1 << 50))
            begun = time.perf_counter()
            written = [await _day(archive, folder, devices, day) for day in range(days)]
            wrote_s = time.perf_counter() - begun
            asked = Month(archive, devices, START + days * DAY)
            return _sizes(written, wrote_s) | {"goal_s": GOAL_S, "slowest_s": await _slowest(asked.questions(), repeat)}
        finally:
            await pool.close()
    finally:
        await asyncio.to_thread(server.stop)


async def _day(archive: Archive, folder: Path, devices: int, day: int) -> list[File]:
    made = await asyncio.to_thread(_written, folder / "copies", devices, day)
    async with archive.pool.acquire() as tx, tx.transaction():
        await catalogue.record(tx, made)
    return made


def _written(copies: Path, devices: int, day: int) -> list[File]:
    """The files of a day, where copies of what the object store holds would lie."""
    begin = (START + day * DAY).replace(tzinfo=None)
    given: dict[str, Any] = {"begin": begin, "day": day, "devices": devices}
    each = {"metrics": {}, "lines": {"each": LINES_A_DAY}, "spans": {"each": TRACES_A_DAY}}
    made: list[File] = []
    for kind, more in each.items():
        with working(2048) as db, tempfile.TemporaryDirectory(dir=copies.parent) as folder:
            db.execute(getattr(SQL, kind), given | more)
            for written in parts(db, cast("Kind", kind), db.table("rows"), Path(folder)):
                body = written.path.read_bytes()
                digest = hashlib.sha256(body).digest()
                written.path.rename(copies / f"{digest.hex()}.parquet")
                made.append(
                    File(
                        kind=kind,
                        object=f"{kind}-{day}-{len(made)}",
                        day=written.day,
                        first=1,
                        last=1,
                        generation=0,
                        rows=written.rows,
                        size=len(body),
                        digest=digest,
                        since=written.since.replace(tzinfo=UTC),
                        until=written.until.replace(tzinfo=UTC),
                        width=written.width,
                        traces=written.traces,
                    )
                )
    return made


def _sizes(written: list[list[File]], wrote_s: float) -> dict[str, Any]:
    of: dict[str, list[File]] = {"metrics": [], "lines": [], "spans": []}
    for day in written:
        for file in day:
            of[file.kind].append(file)
    return {
        "written_in_s": round(wrote_s),
        **{
            kind: {
                "rows": sum(f.rows for f in files),
                "MiB": round(sum(f.size for f in files) / 2**20),
                "bytes_a_row": round(sum(f.size for f in files) / max(1, sum(f.rows for f in files)), 1),
            }
            for kind, files in of.items()
        },
    }


@dataclass(frozen=True, slots=True)
class Month:
    """Typical questions. Each says how much it found."""

    archive: Archive
    devices: int
    end: datetime

    def questions(self) -> dict[str, Ask]:
        """By what they ask."""
        day = self.end - DAY
        some = [_device(n) for n in range(min(100, self.devices))]
        fleet = partial(self._fleet, path="cpu", since=START, until=self.end, step=HOUR)
        counter = partial(self._fleet, path="uptime", op="rate", by="fleet", step=timedelta(minutes=5))
        return {
            "one device, the month": self._series,
            "p95 of the fleet by hour, the month": partial(fleet, op="p95", by="fleet"),
            "p95 of each model by hour, the month": partial(fleet, op="p95", by="model"),
            "mean of each device by day, the month": partial(fleet, op="mean", by="device", step=DAY),
            "rate of 100 devices, a day": partial(counter, since=day, until=self.end, devices=some),
            "rate of the fleet, a day": partial(counter, since=day, until=self.end),
            "newest value of each device": self._moment,
            "newest 100 lines of the fleet": partial(self._lines, START, 100),
            "a rare word, a day": partial(self._lines, day, None, words=("unit-996",), severity="error"),
            "a rare word, the month": partial(self._lines, START, None, words=("10.7.19.12",), least=0),
            "a word that nobody said, the month": partial(self._lines, START, None, words=("nobody", "said"), least=0),
            "a field's value, the month": partial(self._lines, START, None, fields=(("unit", "unit-5"),)),
            "a trace by its id": self._trace,
            "failed spans, a day": partial(self._spans, day),
            "failed spans of a package, the month": partial(self._spans, START, (("package", "package-7"),)),
        }

    async def _series(self) -> int:
        found = await queries.series(self.archive, _device(self.devices // 2), "cpu", START, self.end, 100_000)
        return len(found.points)

    async def _fleet(self, **asked: Any) -> int:
        return len((await queries.fleet(self.archive, Asked(**asked))).series)

    async def _moment(self) -> int:
        asked = Asked(path="cpu", since=self.end - HOUR, until=self.end, step=None, op="mean", by="device")
        return len((await queries.moment(self.archive, asked)).values)

    async def _lines(self, since: datetime, most: int | None, least: int = 1, **asked: Any) -> int:
        asks = Lines(since=since, until=self.end, kinds=("log",), **asked)
        return await _count(lines.lines(self.archive, asks, most), most) + 1 - least

    async def _spans(self, since: datetime, attributes: tuple[tuple[str, str], ...] = ()) -> int:
        asks = Spans(since=since, until=self.end, statuses=("error",), least_s=1.0, attributes=attributes)
        return await _count(spans.spans(self.archive, asks), None)

    async def _trace(self) -> int:
        trace = hashlib.md5(f"1/{self.devices // 3}/7".encode(), usedforsecurity=False).hexdigest()
        return len(await spans.trace(self.archive, trace))


def _device(n: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest())


async def _count(found: AsyncGenerator[list[Any]], most: int | None) -> int:
    count = 0
    async with aclosing(found) as lists:
        async for rows in lists:
            count += len(rows)
            if most is not None and count >= most:
                break
    return count


async def _slowest(questions: dict[str, Ask], repeat: int) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {}
    for name, ask in questions.items():
        took = []
        for _ in range(repeat):
            begun, worked = time.perf_counter(), time.process_time()
            count = await ask()
            took.append((time.perf_counter() - begun, time.process_time() - worked))
            assert count > 0, name
        told[name] = {"s": round(max(took)[0], 2), "cpu_s": round(max(took)[1], 2), "found": count}
    return dict(sorted(told.items(), key=lambda item: -item[1]["s"]))


if __name__ == "__main__":
    main()
