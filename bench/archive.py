"""What the archive costs at rest and how fast it answers, files alone, one process: `python -m bench.archive`.

Prints JSON with the goals. A fleet's minute cadence: rows of 20 samples (ratios and bytes that wander, counters, some that
stay), and log lines of about 100 bytes with a template, fields and a number that is never the same.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression, ConstantExpression

from eucora.archive import across, scan
from eucora.archive.across import Across
from eucora.archive.parquet import Written, parts, read, working, write_days
from eucora.archive.points import Points, Stretch
from eucora.archive.query import Metric

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SAMPLES = 20
COUNTER = 12
"""The place of a counter; rates are asked of it."""
SHAPE = 1
TEMPLATES = (
    "connection from {address} to port {port} closed after {seconds} s",
    "job {name} of unit {unit} finished with status {code}",
    "disk {name}: {count} sectors reallocated at {address}",
)


def main() -> None:
    """Write, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--devices", type=int, default=100)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--lines", type=int, default=300_000)
    arguments.add_argument("--repeat", type=int, default=7)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="eucora-bench-") as folder:
        print(json.dumps(measure(Path(folder), given.devices, given.days, given.lines, given.repeat), indent=2))


def measure(folder: Path, devices: int, days: int, lines: int, repeat: int) -> dict[str, Any]:
    """All four numbers beside their goals."""
    ids = [uuid.UUID(int=random.Random(n).getrandbits(128)) for n in range(devices)]
    of_day, write_s = _metrics(folder, ids)
    month = [of_day.path, *_shifted(folder, of_day, days)]
    told, spoken = _lines(folder, ids, lines)
    rows = of_day.rows * SAMPLES
    return {
        "devices": devices,
        "samples_a_day": rows,
        "samples_a_second_written": round(rows / write_s),
        "bytes_a_sample": {"is": round(of_day.path.stat().st_size / rows, 2), "goal": 3.0},
        "rate_of_a_day_ms": {"is": _ms(lambda: _rate(folder, [of_day.path]), repeat), "series": devices, "goal": 100},
        "series_of_days_ms": {
            "is": _ms(lambda: _series(month, ids[devices // 2], days), repeat),
            "days": days,
            "goal": 200,
        },
        "bytes_a_line": {"is": round(told / lines, 1), "of": round(spoken / lines), "goal": 30},
    }


def _ms(ask: Callable[[], int], repeat: int) -> float:
    """The median of some runs, the first left out; each must find something."""
    took = []
    for _ in range(repeat + 1):
        begun = time.perf_counter()
        assert ask() > 0
        took.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(took[1:]), 1)


def _metrics(folder: Path, ids: Sequence[uuid.UUID]) -> tuple[Written, float]:
    csv = folder / "metrics.csv"
    with csv.open("w", encoding="utf-8") as file:
        for n, device in enumerate(ids):
            for minute, values in enumerate(_walk(random.Random(n))):
                at = _us(START + timedelta(minutes=minute, seconds=n % 60))
                numbers = ",".join(map(repr, values))
                file.write(
                    f'{device},{at},{at + 800_000},{minute * 100 + n},{minute},{n % 16},0,0,{SHAPE},"{{{numbers}}}"\n'
                )
    begun = time.perf_counter()
    (written,) = write_days("metrics", csv, folder)
    return written, time.perf_counter() - begun


def _walk(dice: random.Random) -> Iterator[list[float]]:
    """A day of a device, a row a minute."""
    ratios, sizes = [dice.random() for _ in range(8)], [dice.randrange(1 << 22) for _ in range(4)]
    counters, still = [0] * 4, [float(dice.randrange(1 << 30)) for _ in range(4)]
    for _ in range(1440):
        ratios = [min(1.0, max(0.0, r + dice.gauss(0, 0.03))) for r in ratios]
        sizes = [max(0, s + dice.randrange(-500, 501)) for s in sizes]
        counters = [c + dice.randrange(100_000) for c in counters]
        yield [*(round(r, 4) for r in ratios), *(s * 4096.0 for s in sizes), *map(float, counters), *still]


def _shifted(folder: Path, of_day: Written, days: int) -> Iterator[Path]:
    """The same day again, on the days after."""
    for day in range(1, days):
        with working() as db:
            rows = read(db, [of_day.path])
            columns = [
                (ColumnExpression(name) + ConstantExpression(timedelta(days=day))).alias(name)
                if name in ("time", "received")
                else ColumnExpression(name)
                for name in rows.columns
            ]
            (written,) = parts(db, "metrics", rows.select(*columns), folder)
        yield written.path


def _rate(folder: Path, files: Sequence[Path]) -> int:
    hot = folder / "hot.csv"
    hot.touch()
    asks = Across(Metric("x", "x_total", "count"), START, START + DAY, timedelta(minutes=5), "rate", "fleet")
    points = Points([(SHAPE, COUNTER + 1, "{}")])
    with working() as db:
        points.prepare(db, hot, None)
        return len(across.answer(db, asks, points, Stretch(START, START + DAY, files, [], None)))


def _series(files: Sequence[Path], device: uuid.UUID, days: int) -> int:
    with working() as db:
        return len(scan.values(db, files, scan.Wanted(device, START, START + days * DAY, {(SHAPE, 1)}, 100_000)))


def _lines(folder: Path, ids: Sequence[uuid.UUID], count: int) -> tuple[int, int]:
    """Bytes of the file, and of the lines as a person reads them. What a device said in a minute comes in one payload."""
    dice, spoken, csv = random.Random(7), 0, folder / "lines.csv"
    with csv.open("w", encoding="utf-8") as file:
        for n in range(count):
            at = _us(START + n * DAY / count)
            template = TEMPLATES[n % len(TEMPLATES)]
            fields = {name: _field(dice, name) for name in _NAMES if "{" + name + "}" in template}
            spoken += len(template.format(**fields)) + len("2026-01-01T00:00:00.000Z host-0001 unit[1234]: ")
            quoted = json.dumps(fields, separators=(",", ":")).replace('"', '""')
            line, device = uuid.UUID(int=dice.getrandbits(128)), dice.randrange(len(ids))
            minute = at // 60_000_000
            received, position = (minute + 1) * 60_000_000 + device * 1_000, minute * 100 + device
            place = f"{ids[device]},{at},{received},{position},{minute},{device % 16},0,0,{n % 9}"
            file.write(f'{place},{line},,1,"{template}","{quoted}"\n')
    (written,) = write_days("lines", csv, folder)
    return written.path.stat().st_size, spoken


_NAMES = ("address", "port", "seconds", "name", "unit", "code", "count")


def _field(dice: random.Random, name: str) -> str:
    if name == "address":
        return f"10.0.{dice.randrange(256)}.{dice.randrange(256)}"
    return str(dice.randrange(1000 if name == "seconds" else 40))


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond


if __name__ == "__main__":
    main()
