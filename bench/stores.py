"""What it costs to tell Prometheus, Loki and Tempo, beside an OpenTelemetry Collector: `python -m bench.stores`.

Both tell the same records to the same kind of server, each to a fresh one, one after the other in one run; the servers' own
CPU is left out. Ours is counted twice: from the archive to the server, which is the Collector's exporter and its queue;
and from the signed batch on, which is more than the Collector does. Prints records a second, by the clock and a second
of CPU, and how ours stands to the Collector's.

The Collector tells lines and spans twice: as they are, and masking free text by the rules that ours has, which is the same
work. What differs still: it acknowledges when its queue is synced, tells at least once, keeps nothing behind, and verifies
no signature; ours tells from an archive that keeps all, exactly once in effect.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from tests.eucora.line import close_line, open_line
from tests.live import server
from tests.live.jaeger import Jaeger
from tests.live.loki import Loki as LokiServer
from tests.live.prometheus import Server as PrometheusServer
from tests.live.tempo import Tempo as TempoServer
from tests.live.victorialogs import VictoriaLogs

from bench import collected, followed, signals
from bench.followed import Cost
from bench.standard import about
from eucora.embedded.start import start_embedded
from eucora.migrations.migrate import migrate
from eucora.stores.loki import Loki
from eucora.stores.ports import Follower, Kind
from eucora.stores.prometheus import Prometheus
from eucora.stores.tempo import Tempo


class Target(Struct, frozen=True):
    """A server: how it is started, who follows it, where a Collector exports to, and how many records it took."""

    name: str
    start: Callable[[], Any]
    follower: Callable[[Any], Follower]
    export: Callable[[Any], str]
    taken: Callable[[Any], int]


def _in_head(running: PrometheusServer) -> int:
    """In order and out of order."""
    names = ("prometheus_tsdb_head_samples_appended_total", "prometheus_tsdb_head_out_of_order_samples_appended_total")
    return sum(server.counter(f"{running.url}/metrics", name) for name in names)


PROMETHEUS = Target(
    "prometheus",
    PrometheusServer,
    lambda s: Prometheus(s.url),
    lambda s: f"{s.url}/api/v1/write",
    _in_head,
)
LOKI = Target(
    "loki",
    LokiServer,
    lambda s: Loki(s.url),
    lambda s: f"{s.url}/otlp/v1/logs",
    lambda s: server.counter(f"{s.url}/metrics", "loki_distributor_lines_received_total"),
)
VICTORIALOGS = Target(
    "victorialogs", VictoriaLogs, lambda s: Loki(s.push), lambda s: str(s.otlp), lambda s: int(s.taken())
)
TEMPO = Target(
    "tempo",
    TempoServer,
    lambda s: Tempo(s.otlp),
    lambda s: f"{s.otlp}/v1/traces",
    lambda s: server.counter(f"{s.url}/metrics", "tempo_distributor_spans_received_total"),
)
JAEGER = Target("jaeger", Jaeger, lambda s: Tempo(s.otlp), lambda s: f"{s.otlp}/v1/traces", lambda s: int(s.taken()))
TARGETS: Mapping[Kind, Sequence[Target]] = {
    "metrics": (PROMETHEUS,),
    "lines": (LOKI, VICTORIALOGS),
    "spans": (TEMPO, JAEGER),
}
"""The first that the machine has; those behind it stand in."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stores", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--only", action="append", choices=list(TARGETS), help="may be given several times")
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--batches", type=int, default=5, help="of each device")
    parser.add_argument("--batch", type=int, default=10, help="payloads a batch")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = {
        kind: uvloop.run(measured(kind, given.devices, given.batches, given.batch)) for kind in given.only or TARGETS
    }
    if given.json:
        json.dump({"machine": about(), "signals": found}, sys.stdout, indent=2)
        print()
    else:
        Console(width=max(Console().width, 132)).print(table(found))


async def measured(kind: Kind, devices: int, batches: int, batch: int) -> dict[str, Any]:
    """Ours, then the Collector's, on a platform and servers of their own."""
    target = next(t for t in TARGETS[kind] if t.start not in (LokiServer, TempoServer) or server.program(t.name))
    folder = Path(tempfile.mkdtemp(prefix="eucora-"))
    embedded = await asyncio.to_thread(
        start_embedded, folder / "data", frozenset({"postgres"}), lambda name, what: None
    )
    try:
        await migrate(embedded.postgres_owner_url)
        line = await open_line(embedded.postgres_url, embedded.postgres_keys_url, folder / "secrets", shards=8)
        arrived = await followed.arrivals(line, kind, devices, batches, batch)
        journal, archive = await followed.archived(line, arrived)
        parcels = await followed.parcels(line, kind, folder)
        count = sum(len(r.values) if kind == "metrics" else 1 for parcel in parcels for r in parcel.rows)
        rows_at_once = batch if kind == "metrics" else batch * signals.A_PAYLOAD
        requests = [each for parcel in parcels for each in signals.requests(kind, parcel, rows_at_once)]
        del parcels
        ours = await _ours(kind, target, line, folder, count)
        await close_line(line)
        theirs = await _theirs(kind, target, requests, count)
        same = theirs if kind == "metrics" else await _theirs(kind, target, requests, count, masks=True)
    finally:
        await asyncio.to_thread(embedded.stop)
        shutil.rmtree(folder)
    whole = Cost(*(sum(getattr(each, name) for each in (journal, archive, ours)) for name in ("wall_s", "cpu_s")))
    costs = {"journal": journal, "archive": archive, "server": ours, "all": whole, "collector": theirs}
    costs |= {} if same is theirs else {"collector masking": same}
    return {
        "server": target.name,
        "records": count,
        "ways": {n: rates(c, count, theirs, same) for n, c in costs.items()},
    }


async def _ours(kind: Kind, target: Target, line: Any, folder: Path, count: int) -> Cost:
    async with _running(target) as running:
        follower = target.follower(running)
        cost = await followed.told(line, follower, kind, folder)
        await follower.close()
        _held(target, running, count)
    return cost


async def _theirs(kind: Kind, target: Target, requests: Sequence[bytes], count: int, *, masks: bool = False) -> Cost:
    async with _running(target) as running:
        collector = collected.Collector(kind, target.export(running), masks=masks)
        await asyncio.to_thread(collector.start)
        try:
            return await collected.told(collector, requests, lambda: target.taken(running), count)
        finally:
            collector.close()


class _running:  # noqa: N801 - reads as what it is in a with
    """A fresh server for a while."""

    def __init__(self, target: Target) -> None:
        self._server = target.start()

    async def __aenter__(self) -> Any:
        await asyncio.to_thread(self._server.start)
        return self._server

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


def _held(target: Target, running: Any, count: int) -> None:
    """Raises AssertionError when the server did not take all: a rate of what was lost is none."""
    assert target.taken(running) == count, f"{target.name} took {target.taken(running)} of {count}"


def rates(cost: Cost, count: int, theirs: Cost, same: Cost) -> dict[str, float]:
    return {
        "records_a_second": round(count / cost.wall_s),
        "records_a_cpu_second": round(count / cost.cpu_s),
        "to_the_collectors": round(theirs.cpu_s / cost.cpu_s, 2),
        "to_the_same_work": round(same.cpu_s / cost.cpu_s, 2),
    }


def table(found: Mapping[str, Any]) -> Table:
    shown = Table(title=f"{about()['processors']} cores, the servers on the same", title_justify="left", box=SIMPLE)
    for heading in (
        "signal",
        "server",
        "records",
        "way",
        "a second",
        "a CPU second",
        "to the Collector's",
        "to the same work",
    ):
        shown.add_column(heading, justify="left" if heading in ("signal", "server", "way") else "right")
    for kind, told in found.items():
        for way, of in told["ways"].items():
            shown.add_row(
                kind,
                told["server"],
                f"{told['records']:,}",
                WAYS[way],
                f"{of['records_a_second']:,}",
                f"{of['records_a_cpu_second']:,}",
                f"{of['to_the_collectors']:.2f}",
                f"{of['to_the_same_work']:.2f}",
            )
    return shown


WAYS = {
    "journal": "ours: signed batch to journal",
    "archive": "ours: journal to archive",
    "server": "ours: archive to server",
    "all": "ours: all three",
    "collector": "Collector: OTLP to server",
    "collector masking": "Collector: the same, masking",
}


if __name__ == "__main__":
    main()
