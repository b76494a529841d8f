"""Servers that follow are killed under load: `python -m bench.soak_stores --minutes 10`, or an hour by `make soak-stores`.

A fleet sends at a steady rate, first with all servers up, then while each is killed (SIGKILL) and started again, twice and
more. At the end every acknowledged payload must be in the archive and in each server exactly once, and the p99 of
acknowledgements must not have risen by more than half. Prometheus is needed; where the machine has no Loki and no Tempo (on
PATH, or EUCORA_TEST_LOKI, EUCORA_TEST_TEMPO), VictoriaLogs and Jaeger stand in.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.live import server
from tests.live.jaeger import Jaeger
from tests.live.loki import Loki
from tests.live.prometheus import Server as Prometheus
from tests.live.tempo import Tempo
from tests.live.victorialogs import VictoriaLogs

from bench import fleet, own
from bench.load import Plan, run

DOWN_S = 20.0
PATIENCE_S = 180.0
QUIET_SHARE = 0.2
P99_MAY_RISE = 1.5
DEVICES = 200
METRIC, SERIES = "hardware.uptime", "system_uptime_seconds"
SLICE = timedelta(seconds=10)


class Servers:
    """Of metrics, of lines and of spans; each by the name of its program."""

    def __init__(self) -> None:
        self.metrics = Prometheus()
        self.lines: Loki | VictoriaLogs = Loki() if server.program("loki") else VictoriaLogs()
        self.spans: Tempo | Jaeger = Tempo() if server.program("tempo") else Jaeger()
        self.all = (self.metrics, self.lines, self.spans)
        for each in self.all:
            each.start()

    def settings(self) -> dict[str, str]:
        return {
            "EUCORA_METRICS_URL": self.metrics.url,
            "EUCORA_LOGS_URL": self.lines.url if isinstance(self.lines, Loki) else self.lines.push,
            "EUCORA_TRACES_URL": self.spans.otlp,
        } | ({"EUCORA_TRACES_QUERY_URL": self.spans.url} if isinstance(self.spans, Tempo) else {})

    def kill(self, down_s: float) -> None:
        """All at once, as a rack loses its power; started again one after the other."""
        for each in self.all:
            each.kill()
        time.sleep(down_s)
        for each in self.all:
            each.start()

    def close(self) -> None:
        for each in self.all:
            each.close()


@contextmanager
def servers() -> Iterator[Servers]:
    opened = Servers()
    try:
        yield opened
    finally:
        opened.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak_stores", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1_000, help="payloads a second")
    parser.add_argument("--kills", type=int, default=2, help="how often all servers are killed")
    given = parser.parse_args()
    found = soak(given.minutes * 60, given.rate, given.kills)
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["kept"] else 1)


def soak(seconds: float, rate: float, kills: int, down_s: float = DOWN_S) -> dict[str, Any]:
    """What was acknowledged, what is where, and what the kills cost."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    with servers() as beside, own.platform(**beside.settings()) as data_dir:
        platform = fleet.running(data_dir)
        quiet = run(_plan(data_dir, rate, seconds * QUIET_SHARE), platform)
        killed: dict[str, object] = {}
        load = threading.Thread(target=lambda: killed.update(run(_plan(data_dir, rate, seconds), platform)))
        load.start()
        _kill(beside, seconds, kills, down_s)  # here: servers die with the thread that started them
        load.join()
        began = time.perf_counter()
        stores = _settled(platform)
        told = sum(-(-int(str(each["acknowledged"])) // 10) for each in (quiet, killed))
        counts = counted(beside, platform, since, told) | {"told lines and spans": told}
    sent = sum(int(str(each[name])) for each in (quiet, killed) for name in ("acknowledged", "probed"))
    p99 = (float(str(quiet["ack_p99_ms"])), float(str(killed["ack_p99_ms"])))
    whole = all(counts[name] == counts[of] for name, of in SAME if name in counts)
    return {
        "kept": bool(whole and counts["archive payloads"] == sent and p99[1] <= P99_MAY_RISE * p99[0]),
        "acknowledged": sent,
        **counts,
        "caught_up_after_s": round(time.perf_counter() - began, 1),
        "ack_p99_ms": {"quiet": p99[0], "killed": p99[1], "ratio": round(p99[1] / p99[0], 2)},
        "freshness_p95_s": {"quiet": quiet["freshness_p95_s"], "killed": killed["freshness_p95_s"]},
        "not_acknowledged": [quiet["not_acknowledged"], killed["not_acknowledged"]],
        "retries": {each["follower"]: each["retries"] for each in stores},
        "refused": {each["follower"]: each["refused"] for each in stores},
    }


SAME = (
    ("prometheus payloads", "archive payloads"),
    ("lines", "told lines and spans"),
    ("distinct lines", "told lines and spans"),
    ("spans", "told lines and spans"),
)
"""What must be alike. VictoriaLogs shows a line as often as it is told: of it the distinct ones are counted alone."""


def _plan(data_dir: Path, rate: float, seconds: float) -> Plan:
    return Plan(data_dir, 1, rate, seconds, DEVICES, 1, 256, False, told=True)


def _kill(beside: Servers, seconds: float, kills: int, down_s: float) -> None:
    """Spread over the run."""
    for _ in range(kills):
        time.sleep(max(1.0, seconds / (kills + 1) - down_s))
        beside.kill(down_s)


def _settled(platform: fleet.Platform) -> list[dict[str, Any]]:
    """Until nothing waits for anybody."""
    while True:
        found = platform.answer("/api/v1/stores")
        if all(each["waiting"] == 0 for each in found):
            return list(found)
        time.sleep(0.5)


def counted(beside: Servers, platform: fleet.Platform, since: datetime, told: int) -> dict[str, int]:
    """How many payloads the archive holds, and what each server shows."""
    until = datetime.now(UTC) + timedelta(minutes=1)
    asked = f"metric={METRIC}&op=count&by=fleet&since={int((until - since).total_seconds())}s"
    answer: Any = platform.ask(f"/api/v1/telemetry/query?{asked}")
    payloads = sum(int(value) for series in answer["series"] for _, value in series["points"])
    span_s = int((until - since).total_seconds())
    query = f"sum(count_over_time({SERIES}[{span_s}s]))"
    (one,) = beside.metrics.query(query, until.timestamp())
    ids = list(_ids(beside.lines, since, until))
    found = {"archive payloads": payloads, "prometheus payloads": int(float(one["value"][1]))}
    if isinstance(beside.lines, Loki):
        found["lines"] = len(ids)
    return found | {"distinct lines": len(set(ids)), "spans": _eventually(beside.spans, since, until, told)}


def _ids(lines: Loki | VictoriaLogs, since: datetime, until: datetime) -> Iterator[str]:
    at = since
    while at < until:
        if isinstance(lines, Loki):
            found = [said for _, _, said in lines.query(LINES, at, min(at + SLICE, until))]
        else:
            found = lines.query(LINES, at, min(at + SLICE, until))
        yield from (each["id"] for each in found)
        at += SLICE


LINES = '{service_name="eucora", kind="log"}'


def _eventually(spans: Tempo | Jaeger, since: datetime, until: datetime, told: int) -> int:
    """A search sees what is in memory, and blocks of Tempo half a minute after they were written."""
    began = time.perf_counter()
    while (found := _traces(spans, since, until)) < told and time.perf_counter() - began < PATIENCE_S:
        time.sleep(5)
    return found


def _traces(spans: Tempo | Jaeger, since: datetime, until: datetime) -> int:
    found: set[str] = set()
    at = since
    while at < until:
        with suppress(httpx.HTTPStatusError):  # it refuses while it joins its ring again: asked again by the caller
            if isinstance(spans, Tempo):
                found |= set(spans.search('{ name = "backup" }', at, at + SLICE))
            else:
                found |= set(spans.search({}, at, at + SLICE, "backup"))
        at += SLICE
    return len(found)


if __name__ == "__main__":
    main()
