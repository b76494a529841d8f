"""The standard set: as fast as it goes in singles, tens and hundreds, then two paced runs that must not lag.

`python -m bench` starts a platform of its own, runs the set and says which goals are met; `--json` for the figures whole.
"""

import argparse
import json
import os
import platform as machine
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import fleet, own
from bench.load import Plan, run

Report = Mapping[str, Any]


class Run(msgspec.Struct, frozen=True):
    """One run and its goals: payloads acknowledged a second, and for paced runs the freshness (p95, s)."""

    name: str
    batch: int
    goal: int
    devices: int
    concurrency: int
    rate: float = 0
    freshness_s: float = 0
    ack_p99_ms: float = 250


RUNS = (
    Run("singles", batch=1, goal=5_000, devices=600, concurrency=512),
    Run("tens", batch=10, goal=45_000, devices=600, concurrency=512),
    Run("hundreds", batch=100, goal=200_000, devices=300, concurrency=256),
    Run("singles, paced", batch=1, goal=3_000, devices=600, concurrency=512, rate=3_000, freshness_s=5),
    Run("tens, paced", batch=10, goal=12_000, devices=600, concurrency=512, rate=12_000, freshness_s=5),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=12, help="of each run at full speed")
    parser.add_argument("--paced", type=float, default=60, help="seconds of each paced run (the promise is for 300)")
    parser.add_argument("--only", action="append", choices=[r.name for r in RUNS], help="may be given several times")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    chosen = [r for r in RUNS if given.only is None or r.name in given.only]
    console = Console(stderr=True)
    reports: dict[str, Report] = {}
    bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    with bar as progress, own.platform() as data_dir:
        for each in chosen:
            task = progress.add_task(each.name)
            reports[each.name] = measure(each, data_dir, given.paced if each.rate else given.seconds)
            progress.update(task, completed=100, total=100)
    if given.json:
        json.dump({"machine": about(), "runs": reports}, sys.stdout, indent=2)
        print()
    else:
        Console(width=max(Console().width, 112)).print(table(chosen, reports))


def measure(wanted: Run, data_dir: Path, seconds: float) -> Report:
    """One run against a running platform."""
    plan = Plan(
        data_dir=data_dir,
        batch=wanted.batch,
        rate=wanted.rate,
        seconds=seconds,
        devices=wanted.devices,
        procs=1,
        concurrency=wanted.concurrency,
        presealed=not wanted.rate,
    )
    return run(plan, fleet.running(data_dir))


def met(wanted: Run, found: Report) -> bool:
    """Whether every goal of a run is met."""
    # A paced run is as fast as its pace, less what the last second still has in flight.
    fast = found["acknowledged_payloads_per_s"] >= wanted.goal * (0.98 if wanted.rate else 1)
    whole = not found["not_acknowledged"]
    fresh = not wanted.freshness_s or found["freshness_p95_s"] < wanted.freshness_s
    lag = found["lag_entries"]["thirds"]
    steady = not wanted.rate or lag[-1] <= 2 * lag[0] + 100
    return bool(fast and whole and fresh and steady and found["ack_p99_ms"] < wanted.ack_p99_ms)


def table(chosen: list[Run], reports: Mapping[str, Report]) -> Table:
    shown = Table(title=f"{about()['processors']} cores, generator included", title_justify="left", box=SIMPLE)
    for heading in ("run", "payloads/s", "goal", "ack p50/p99 ms", "fresh p95 s", "lag", "cores", "bytes kept", "met"):
        shown.add_column(heading, justify="left" if heading == "run" else "right")
    for each in chosen:
        found = reports[each.name]
        shown.add_row(
            each.name,
            f"{found['acknowledged_payloads_per_s']:,}",
            f"{each.goal:,}",
            f"{found['ack_p50_ms']:.0f}/{found['ack_p99_ms']:.0f}",
            f"{found['freshness_p95_s']:.2f}",
            "/".join(map(str, found["lag_entries"]["thirds"])),
            f"{found['generator_cores'] + sum(found['cores'].values()):.2f}",
            f"{found['bytes_stored_a_payload']:,}",
            "yes" if met(each, found) else "NO",
        )
    return shown


def about() -> dict[str, object]:
    """The machine, as figures without one say nothing."""
    return {"processors": os.cpu_count(), "machine": machine.machine(), "python": machine.python_version()}


if __name__ == "__main__":
    main()
