"""A fleet comes back after an outage: `python -m bench.reconnect --devices 20000 --outage-minutes 30`.

Devices with their own keys, certificates and connections were offline at a cadence of a minute, each with the agent's own
backoff; then the door is there again. They go on living while they replay. Prints what was acknowledged, paced and failed,
the time until all that was owed is acknowledged and queryable, how fresh the present was meanwhile, and the door's p99.

Twenty thousand devices have as many machines; here they share the platform's, behind it. Some (`--witnesses`) have it as
devices have theirs: what they see is judged, what the others see is told beside it, with how long they waited for a core.

`--digest-share 0.2 --seal-after-s 60` is a run in which turns decide: the pipeline has a fifth of a core, and what was kept
comes in many batches.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import multiprocessing as mp
import os
import random
import re
import resource
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest import mock

import uvloop

from bench import fleet, own, processes
from bench.held import Held
from bench.load import Probe, lag, supervisor
from bench.returning import AGENT, CADENCE_S, Line, Returning, Seen, live, phase

OF_AN_ORIGIN = 1_000
"""Devices that enrol from one address: its pace allows no more at once."""
PROBES = 8
AFTERWARDS_S = 20.0
METRICS = "/metrics"
BEHIND = 15
"""Niceness of the devices: they stand for machines of their own, and must not take the platform's two cores from it."""


@dataclass(frozen=True)
class Plan:
    """One run. `seed` gives each device its phase within the minute; `share` devices have one connection; `witnesses`, of
    all, are not put behind; `digest_share` of a core is what the pipeline has, 1: what it gets."""

    devices: int
    outage_minutes: int
    procs: int
    seed: int
    share: int
    witnesses: int
    seal_after_s: float
    digest_share: float
    longest_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=20_000)
    parser.add_argument("--outage-minutes", type=int, default=30)
    parser.add_argument("--procs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--share", type=int, default=1, help="devices a connection; more than one leaves handshakes out"
    )
    parser.add_argument("--witnesses", type=int, default=200, help="devices, of all, that need not wait for a core")
    parser.add_argument("--seal-after-s", type=float, default=AGENT.seal_after_s, help="as the agent's setting")
    parser.add_argument("--digest-share", type=float, default=1.0, help="of a core, for the pipeline")
    parser.add_argument("--longest-s", type=float, default=900.0, help="watch for no longer")
    plan = Plan(**vars(parser.parse_args()))
    with own.platform(EUCORA_DEVICE_RATE="20") as data_dir:
        report = run(plan, data_dir)
    json.dump({"plan": asdict(plan), **report}, sys.stdout, indent=2)
    print()


def run(plan: Plan, data_dir: Path) -> dict[str, object]:
    """Enrol, be offline, come back, watch until all that was owed is there."""
    platform = fleet.running(data_dir)
    token = str(platform.ask("/api/v1/enrolment-tokens", {"uses": plan.devices, "hours": 1})["token"])
    probes = [Probe(platform) for _ in range(PROBES)]
    say(f"enrolling {plan.devices} devices, and {plan.outage_minutes} minutes of outage …")
    with generators(plan, platform, token) as (pipes, ended):
        owed = sum(int(str(pipe.recv())) for pipe in pipes)
        leader = supervisor(data_dir)
        before, began, fresh, lags = processes.cost(leader), time.time(), list[float](), list[int]()
        busy, own_s = machine_s(), time.process_time()
        for pipe in pipes:
            pipe.send("go")
        say(f"{owed} payloads are owed; the door is there …")
        left, drained_s, queryable_s = dict.fromkeys(range(len(pipes)), True), None, None
        held = Held(leader, "eucora pipeline", plan.digest_share)
        while time.time() - began < plan.longest_s and (
            drained_s is None or time.time() < began + drained_s + AFTERWARDS_S
        ):
            fresh.append(probes[len(fresh) % PROBES].measure())
            lags.append(lag(platform))
            for n, pipe in enumerate(pipes):
                left[n] = left[n] and not (pipe.poll(0) and pipe.recv() == "drained")
            if drained_s is None and not any(left.values()):
                drained_s = time.time() - began
            if drained_s is not None and queryable_s is None and lags[-1] <= plan.devices / CADENCE_S:
                queryable_s = round(time.time() - began, 1)  # what still waits is a second of the present
            if len(fresh) % 40 == 0:
                say(f"{time.time() - began:.0f} s, fresh {max(fresh[-40:]):.2f} s, lag {lags[-1]}")
            time.sleep(0.25)
        held.end()
        after = processes.cost(leader)
        seconds, busy, own_s = time.time() - began, machine_s() - busy, time.process_time() - own_s
        ended.set()
        seen: list[Seen] = []
        while len(seen) < len(pipes):
            found = pipes[len(seen)].recv()
            seen += [found] if isinstance(found, Seen) else []
    door_p99 = door_p99_s(platform)
    cores = {k: round((c.cpu_s - before.get(k, c).cpu_s) / seconds, 2) for k, c in sorted(after.items())}
    others = busy / seconds - sum(cores.values()) - (own_s + sum(s.cpu_s for s in seen)) / seconds
    return {
        **summary(seen, owed, fresh, lags, drained_s),
        "queryable_s": queryable_s,
        "door_p99_as_the_platform_counts_s": door_p99,
        "cores": cores,
        "cores_taken_by_others_on_this_machine": round(max(0.0, others), 2),
        "pss_mb": {k: round(c.rss / 1e6) for k, c in sorted(after.items())},
    }


def summary(
    seen: list[Seen], owed: int, fresh: list[float], lags: list[int], drained_s: float | None
) -> dict[str, object]:
    *behind, witness = seen
    acks, acked = sorted(x for s in seen for x in s.acks), sorted(witness.fresh)
    late = sorted(x for s in behind for x in s.late)
    drained = sorted(x for s in seen for x in s.drained_at)
    seconds = {at: sum(s.arrivals.get(at, 0) for s in seen) for s in seen for at in s.arrivals}
    failed = total(s.failed for s in seen)
    return {
        "owed_payloads": owed,
        "acknowledged": {"batches": len(acks), "payloads": sum(s.payloads for s in seen)},
        "paced": total(s.paced for s in seen),
        "failed": failed,
        "connections": sum(s.connected for s in seen),
        "drained_s": None if drained_s is None else at(drained, 1),
        "devices_drained_s": {"p50": at(drained, 0.5), "p95": at(drained, 0.95), "last": at(drained, 1)},
        "live_freshness_s": {"p50": at(sorted(fresh), 0.5), "p95": at(sorted(fresh), 0.95), "max": at(sorted(fresh), 1),
                             "probes": len(fresh)},
        "live_made_to_acknowledged_s": waited(acked),
        "late_for_a_core_s": {"those_put_behind_p95": at(late, 0.95), "witnesses_p95": at(sorted(witness.late), 0.95)},
        "live_made_to_acknowledged_by_those_put_behind_s": waited(sorted(x for s in behind for x in s.fresh)),
        "door_by_witnesses_s": waited(sorted(witness.acks)),
        "door_s": {"p50": at(acks, 0.5), "p99": at(acks, 0.99), "max": at(acks, 1)},
        "beats_a_second_most": max(seconds.values(), default=0),
        "lag_entries_most": max(lags, default=0),
        "generator_cores": round(sum(s.cpu_s for s in seen) / max(s.seconds for s in seen), 2),
        "goals": {
            "no failed acknowledgement but paced": not failed,
            "drained within ten minutes": drained_s is not None and drained_s <= 600,
            "live p95 under 5 s": at(sorted(fresh), 0.95) < 5 and at(acked, 0.95) < 5,
        },
    }  # fmt: skip


def waited(ordered: list[float]) -> dict[str, float]:
    return {"p50": at(ordered, 0.5), "p95": at(ordered, 0.95), "max": at(ordered, 1), "seen": len(ordered)}


def at(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else 0.0


def door_p99_s(platform: fleet.Platform) -> float:
    """Of telemetry that was acknowledged, by the platform's own histogram: the upper end of the bucket. What a device waits
    for its own turn on a machine that it shares with twenty thousand is not in it."""
    request = urllib.request.Request(
        platform.operator["url"] + METRICS, headers={"authorization": f"Bearer {platform.operator['token']}"}
    )
    with urllib.request.urlopen(request, context=platform.tls()) as answer:
        found = re.findall(r"eucora_door_seconds_bucket\{([^}]*)\} ([0-9.e+]+)", answer.read().decode())
    buckets = sorted(
        (float(re.findall(r'le="([^"]*)"', labels)[0].replace("+Inf", "inf")), float(count))
        for labels, count in found
        if 'door="telemetry"' in labels and 'outcome="ok"' in labels
    )
    return next((end for end, count in buckets if count >= 0.99 * buckets[-1][1]), 0.0)


def machine_s() -> float:
    """CPU seconds that all of this machine has worked."""
    fields = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / processes.TICK


def total(counts: Iterator[dict[str, int]]) -> dict[str, int]:
    added: dict[str, int] = {}
    for each in counts:
        for why, count in each.items():
            added[why] = added.get(why, 0) + count
    return added


@contextmanager
def generators(
    plan: Plan, platform: fleet.Platform, token: str
) -> Iterator[tuple[list["Connection[object, object]"], Event]]:
    """Processes that hold the devices; each tells what its devices owe, then waits for the word."""
    spawn = mp.get_context("spawn")
    ended, pipes, workers = spawn.Event(), [], []
    for index in range(plan.procs + 1):  # the last holds the witnesses
        ours, theirs = spawn.Pipe()
        workers.append(spawn.Process(target=work, args=(plan, platform, token, index, theirs, ended), daemon=True))
        workers[-1].start()
        theirs.close()
        pipes.append(ours)
    try:
        yield pipes, ended
    finally:
        ended.set()
        for worker in workers:
            worker.join(30)
            if worker.is_alive():
                worker.kill()


def work(
    plan: Plan, platform: fleet.Platform, token: str, index: int, pipe: "Connection[object, object]", ended: Event
) -> None:
    os.setsid()
    with mock.patch("eucora_agent.send.log"):  # twenty thousand agents would each tell that they were away
        uvloop.run(generate(plan, platform, token, index, pipe, ended))


def yield_to_all(by: int) -> None:
    """Where Linux groups processes by session for its scheduler, niceness counts within one only: the group's counts too."""
    os.nice(by)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(by), encoding="ascii")


async def generate(
    plan: Plan, platform: fleet.Platform, token: str, index: int, pipe: "Connection[object, object]", ended: Event
) -> None:
    seen, rng = Seen(), random.Random(plan.seed * 1_000 + index)
    devices = [Returning(d, seen, phase(rng), plan.seal_after_s) for d in enrolled(plan, platform, token, index)]
    ends = [device.offline(plan.outage_minutes) for device in devices]
    ca, url, loop = platform.ca.decode(), platform.operator["device_url"], asyncio.get_running_loop()
    firsts = [Line(device.device, url, ca, loop, seen) for device in devices[:: plan.share]]
    lines = [firsts[n // plan.share] for n in range(len(devices))]
    gc.collect()
    gc.freeze()
    pipe.send(sum(device.owed for device in devices))
    pipe.recv()
    if index < plan.procs:
        yield_to_all(BEHIND)
    for device, line, end_s in zip(devices, lines, ends, strict=True):
        device.back(line, end_s)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    stop = asyncio.Event()

    async def look() -> None:
        told = False
        while not ended.is_set():
            await asyncio.sleep(0.5)
            if not told and len(seen.drained_at) == len(devices):
                told = True
                pipe.send("drained")
        stop.set()

    watching = asyncio.create_task(look())
    await live(devices, seen, stop)
    await watching
    used = resource.getrusage(resource.RUSAGE_SELF)
    seen.cpu_s = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    pipe.send(seen)


def enrolled(plan: Plan, platform: fleet.Platform, token: str, index: int) -> list[fleet.Device]:
    """This process's share, through the real listener, from as many addresses of loopback as their pace wants."""
    many = plan.devices - plan.witnesses
    mine = plan.witnesses if index == plan.procs else many // plan.procs + (index < many % plan.procs)

    def some(first: int) -> list[fleet.Device]:
        with fleet.enrolment(platform, f"127.0.{index + 1}.{first // OF_AN_ORIGIN + 1}") as door:
            url = platform.operator["enrolment_url"]
            return [fleet.enrol(door, url, token) for _ in range(min(OF_AN_ORIGIN, mine - first))]

    with ThreadPoolExecutor(4) as pool:
        return [device for part in pool.map(some, range(0, mine, OF_AN_ORIGIN)) for device in part]


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
