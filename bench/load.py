"""Load against a running platform: `python -m bench.load --batch 10 --rate 12000 --seconds 300`.

Many simulated devices with their own keys over HTTP/2 and mTLS, from processes of their own. Prints acknowledged
payloads/s, p50/p99 of the acknowledgement, queryable payloads/s, freshness p95, CPU and memory a process, bytes stored a
payload. `--rate 0` sends as fast as answers come; with `--presealed` all batches are sealed before the run.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing as mp
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from bench import fleet, http2, processes
from bench.http2 import Client, Made

CONNECTIONS = 16
"""Each with a certificate of its own, so that several gateways behind one port get their share."""


@dataclass(frozen=True)
class Plan:
    """One run. `rate` is payloads a second over all processes, 0 for no limit."""

    data_dir: Path
    batch: int
    rate: float
    seconds: float
    devices: int
    procs: int
    concurrency: int
    presealed: bool
    told: bool = False
    """Each tenth payload holds a log line and a span too."""


@dataclass(frozen=True)
class Outcome:
    """What one process saw: acknowledged payloads, latencies in s, answers that were not 200, seconds, its CPU."""

    acknowledged: int
    latencies: list[float]
    refused: dict[str, int]
    seconds: float
    cpu_s: float


def main() -> None:
    plan = read_arguments()
    platform = fleet.running(plan.data_dir)
    status = platform.ask("/api/v1/status")
    report = run(plan, platform)
    json.dump(
        {"plan": {**asdict(plan), "data_dir": "…"}, **report, "platform": status.get("version")}, sys.stdout, indent=2
    )
    print()


def read_arguments() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data-dir", type=Path, default=Path(os.environ.get("EUCORA_DATA_DIR", "~/.local/share/eucora"))
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--procs", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--presealed", action="store_true")
    given = parser.parse_args()
    return Plan(**{**vars(given), "data_dir": given.data_dir.expanduser()})


def run(plan: Plan, platform: fleet.Platform) -> dict[str, object]:
    """Enrol, start together, watch, and add up."""
    print(f"enrolling {plan.devices} devices and sealing …", file=sys.stderr, flush=True)
    token = str(platform.ask("/api/v1/enrolment-tokens", {"uses": plan.devices + 1, "hours": 1})["token"])
    leader = supervisor(plan.data_dir)
    pipes, workers = [], []
    spawn = mp.get_context("spawn")  # the client's threads do not survive a fork
    for index in range(plan.procs):
        ours, theirs = spawn.Pipe()
        workers.append(spawn.Process(target=work, args=(plan, platform, token, index, theirs), daemon=True))
        workers[-1].start()
        theirs.close()  # so that a generator that fails ends the run instead of the waiting
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()  # enrolled, sealed, ready
    before, stored_before = processes.cost(leader), stored(platform)
    watcher = Watch(platform)
    for pipe in pipes:
        pipe.send("go")
    print("running …", file=sys.stderr, flush=True)
    while not all(pipe.poll(0.5) for pipe in pipes):
        watcher.look()
    outcomes: list[Outcome] = [pipe.recv() for pipe in pipes]
    after = processes.cost(leader)
    drained = watcher.drain()
    return summary(plan, outcomes, before, after, watcher, drained, stored(platform) - stored_before)


def work(plan: Plan, platform: fleet.Platform, token: str, index: int, pipe: "Connection[object, object]") -> None:
    """One generator process."""
    uvloop.run(generate(plan, platform, token, index, pipe))


async def generate(
    plan: Plan, platform: fleet.Platform, token: str, index: int, pipe: "Connection[object, object]"
) -> None:
    mine = plan.devices // plan.procs
    ports = platform.operator
    with fleet.enrolment(platform) as door:
        devices = [fleet.enrol(door, ports["enrolment_url"], token) for _ in range(mine)]
    clients = [await client_for(platform, device) for device in devices[:CONNECTIONS]]
    ready = preseal(plan, devices) if plan.presealed else None
    gc.collect()
    gc.freeze()  # sealed batches are many, and stay: looking at them again and again is not what is measured
    pipe.send("ready")
    pipe.recv()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    latencies, refused = await (drive_all if plan.rate == 0 else drive_paced)(plan, clients, devices, ready, started)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    pipe.send(Outcome(len(latencies) * plan.batch, latencies, refused, seconds, cpu_s))


async def client_for(platform: fleet.Platform, device: fleet.Device) -> Client:
    """One HTTP/2 connection with one device's certificate; payloads of many travel over it, each signed by its own."""
    context = platform.tls()
    with tempfile.NamedTemporaryFile(suffix=".pem") as identity:
        identity.write(device.enrolled.certificate.encode() + fleet.key_pem(device))
        identity.flush()
        context.load_cert_chain(identity.name)
    target = urlsplit(platform.operator["device_url"])
    return await http2.connect(target.hostname or "", target.port or 443, context)


Prepared = tuple[Made, fleet.Device]


def prepare(plan: Plan, device: fleet.Device, salt: int) -> Prepared:
    sample = fleet.told if plan.told else fleet.sample
    payloads = [sample(device.enrolled.device_id, salt + n) for n in range(plan.batch)]
    envelope = device.seal(payloads)
    headers = {**envelope.headers, "content-length": str(len(envelope.body))}
    return http2.made("POST", "localhost", "/v1/telemetry", headers, envelope.body), device


def preseal(plan: Plan, devices: list[fleet.Device]) -> list[list[Prepared]]:
    """Per device, enough batches for the run: 7,000 singles a second and process, or 6,000 tens, or 3,000 hundreds."""
    guess = {1: 7_000, 10: 6_000}.get(plan.batch, 3_000)
    each = int(guess * plan.seconds / len(devices) / plan.procs) + 1
    return [[prepare(plan, d, n) for n in range(each)] for d in devices]


async def send(client: Client, prepared: Prepared, latencies: list[float], refused: dict[str, int]) -> bool:
    request, device = prepared
    began = time.perf_counter()
    status = await client.send(request, {"eucora-sent": device.sent()})
    if status == 200:
        latencies.append(time.perf_counter() - began)
        return True
    refused[str(status)] = refused.get(str(status), 0) + 1
    return False


async def drive_all(
    plan: Plan,
    clients: list[Client],
    devices: list[fleet.Device],
    ready: list[list[Prepared]] | None,
    started: float,
) -> tuple[list[float], dict[str, int]]:
    """As fast as answers come: `concurrency` devices at work, each sends its next batch when the last is settled."""
    latencies: list[float] = []
    refused: dict[str, int] = {}

    async def one(share: list[int]) -> None:
        turn = 0
        while time.perf_counter() - started < plan.seconds:
            index = share[turn % len(share)]
            if ready is not None:
                if turn // len(share) >= len(ready[index]):
                    return
                batch = ready[index][turn // len(share)]
            else:
                batch = prepare(plan, devices[index], turn)
            turn += 1
            await send(clients[index % len(clients)], batch, latencies, refused)

    lanes = min(plan.concurrency // plan.procs, len(devices))
    await asyncio.gather(*(one(list(range(n, len(devices), lanes))) for n in range(lanes)))
    return latencies, refused


async def drive_paced(
    plan: Plan,
    clients: list[Client],
    devices: list[fleet.Device],
    ready: list[list[Prepared]] | None,
    started: float,
) -> tuple[list[float], dict[str, int]]:
    """An open loop: sends are due by the clock, whether answers come or not, at most one a device in flight."""
    latencies: list[float] = []
    refused: dict[str, int] = {}
    free: asyncio.Queue[int] = asyncio.Queue()
    for n in range(len(devices)):
        free.put_nowait(n)
    tasks: set[asyncio.Task[None]] = set()

    async def one(index: int, number: int) -> None:
        await send(clients[index % len(clients)], prepare(plan, devices[index], number), latencies, refused)
        free.put_nowait(index)

    per_second = plan.rate / plan.batch / plan.procs
    number = 0
    while (elapsed := time.perf_counter() - started) < plan.seconds:
        while number < elapsed * per_second:
            task = asyncio.ensure_future(one(await free.get(), number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.004)
    await asyncio.gather(*tasks)
    return latencies, refused


class Watch:
    """Looks at the platform from outside while a run goes on: lag of the pipeline, and freshness as it states it."""

    def __init__(self, platform: fleet.Platform) -> None:
        self.platform = platform
        self.lags: list[int] = []
        self.freshness: list[float] = []
        self.started = time.perf_counter()
        self.probe = Probe(platform)

    def look(self) -> None:
        self.lags.append(lag(self.platform))
        self.freshness.append(self.probe.measure())

    def drain(self) -> float:
        """Seconds until the pipeline has everything."""
        began = time.perf_counter()
        while lag(self.platform) and time.perf_counter() - began < 600:
            time.sleep(0.1)
        return time.perf_counter() - began


class Probe:
    """One more device: sends a payload, then asks the query API until it is there. Event time to queryable."""

    def __init__(self, platform: fleet.Platform) -> None:
        self.platform = platform
        token = str(platform.ask("/api/v1/enrolment-tokens", {"uses": 1, "hours": 1})["token"])
        with fleet.enrolment(platform) as door:
            self.device = fleet.enrol(door, platform.operator["enrolment_url"], token)
        self.loop = asyncio.new_event_loop()
        self.client = self.loop.run_until_complete(self._open())
        self.count = 0

    async def _open(self) -> Client:
        return await client_for(self.platform, self.device)

    def measure(self) -> float:
        """Seconds from the payload's timestamp to its being answered by the series query; at most 30."""
        self.count += 1
        plan = Plan(Path(), 1, 0, 0, 1, 1, 1, False)
        began = time.time()
        batch = prepare(plan, self.device, self.count)
        self.loop.run_until_complete(send(self.client, batch, [], {}))
        path = f"/api/v1/devices/{self.device.enrolled.device_id}/series?path=hardware.uptime&since=600s"
        while time.time() - began < 30:
            if len(points(self.platform.ask(path))) >= self.count:
                break
            time.sleep(0.02)
        return time.time() - began


def points(answer: dict[str, object]) -> list[object]:
    found = answer.get("points", [])
    return found if isinstance(found, list) else []


def lag(platform: fleet.Platform) -> int:
    """Entries acknowledged and not yet queryable."""
    found = platform.ask("/api/v1/status")["lag_entries"]
    return int(str(found))


def stored(platform: fleet.Platform) -> int:
    """Bytes of the database."""
    return int(str(platform.ask("/api/v1/status")["database_bytes"]))


def supervisor(data_dir: Path) -> int:
    """Pid of `eucora up`."""
    return int((data_dir / "lock").read_text().split()[0])


def summary(
    plan: Plan,
    outcomes: list[Outcome],
    before: dict[str, processes.Cost],
    after: dict[str, processes.Cost],
    watch: Watch,
    drained_s: float,
    grown: int,
) -> dict[str, object]:
    latencies = sorted(x for o in outcomes for x in o.latencies)
    total, seconds = sum(o.acknowledged for o in outcomes), max(o.seconds for o in outcomes)
    at: Callable[[list[float], float], float] = lambda xs, q: xs[min(len(xs) - 1, int(len(xs) * q))] if xs else 0.0  # noqa: E731
    fresh = sorted(watch.freshness)
    return {
        "acknowledged": total,
        "probed": watch.probe.count,
        "acknowledged_payloads_per_s": round(total / seconds),
        "requests_per_s": round(len(latencies) / seconds),
        "ack_p50_ms": round(at(latencies, 0.5) * 1e3, 1),
        "ack_p99_ms": round(at(latencies, 0.99) * 1e3, 1),
        "not_acknowledged": {k: sum(o.refused.get(k, 0) for o in outcomes) for o in outcomes for k in o.refused},
        "queryable_payloads_per_s": round(total / (seconds + drained_s)),
        "freshness_p50_s": round(at(fresh, 0.5), 2),
        "freshness_p95_s": round(at(fresh, 0.95), 2),
        "lag_entries": {
            "max": max(watch.lags, default=0),
            "thirds": thirds(watch.lags),
            "drained_s": round(drained_s, 1),
        },
        "bytes_stored_a_payload": round(grown / max(total, 1)),
        "generator_cores": round(sum(o.cpu_s for o in outcomes) / seconds, 2),
        "cores": {k: round((c.cpu_s - before.get(k, c).cpu_s) / seconds, 2) for k, c in sorted(after.items())},
        "pss_mb": {k: round(c.rss / 1e6) for k, c in sorted(after.items())},
    }


def thirds(lags: list[int]) -> list[int]:
    """Mean lag in the first, second and last third of the run: a lag that grows shows here."""
    n = max(1, len(lags) // 3)
    return [round(sum(part) / len(part)) for part in (lags[:n], lags[n : 2 * n], lags[2 * n :]) if part]


if __name__ == "__main__":
    main()
