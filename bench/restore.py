"""A backup, ten minutes of a fleet of real agents, a restore: `python -m bench.restore --agents 100 --minutes 10`.

The log of the old database is not read (--no-log): all that was acknowledged after the backup is gone, and must come from
the agents. Prints how long until nothing is missing (goal: five minutes), what stands there twice, which streams are held.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from bench import fleet, own

EUCORA, AGENT = ((sys.executable, "-m", f"{name}.main") for name in ("eucora.cli", "eucora_agent"))
GOAL_S = 300.0
TWICE = "SELECT count(*) - count(DISTINCT (device, time, shape)) FROM hot_metrics"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.restore", description=__doc__)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10, help="between backup and restore")
    parser.add_argument("--cadence", type=float, default=10, help="seconds between two payloads of an agent")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="eucora-"))
    try:
        print(json.dumps(measure(folder, given.agents, given.minutes * 60, given.cadence), indent=2))
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, agents: int, between_s: float, cadence_s: float) -> dict[str, Any]:
    """One backup, one restore."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")}
    environ |= {name: str(port) for name, port in zip(own.PORTS, own.free_ports(len(own.PORTS)), strict=True)}
    environ["EUCORA_DATA_DIR"] = str(folder / "data")
    with fleet_of(folder, agents, cadence_s, environ) as ids:
        with up(environ, folder):
            time.sleep(3 * cadence_s)
            kept, backup_s = timed(lambda: eucora(environ, "backup", str(folder / "backups"), "--json"))
            time.sleep(between_s)
        acknowledged = {each: settled(folder, n) for n, each in enumerate(ids)}
        _, restore_s = timed(lambda: eucora(environ, "restore", kept["folder"], "--no-log", "--json"))
        with up(environ, folder):
            first = told(folder, ids)
            whole, healed_s = timed(lambda: eventually(lambda: healed(folder, acknowledged), GOAL_S))
            found = told(folder, ids)
            return {
                "agents": agents,
                "acknowledged_before_the_restore": sum(acknowledged.values()),
                "there_when_the_door_opened": sum(each["items"] for each in first),
                "seconds": {"backup": round(backup_s, 1), "restore": round(restore_s, 1), "healed": round(healed_s, 1)},
                "healed": whole,
                "missing": sum(each["unexplained"] for each in found),
                "not_delivered": sum(each["items"] - each["delivered"] for each in found),
                "held": sum(each["held"] for each in found),
                "twice": asyncio.run(counted(folder / "data")),
            }


@contextmanager
def up(environ: dict[str, str], folder: Path) -> Iterator[None]:
    """The platform, as long as the block."""
    log = folder / "up.log"
    with log.open("w") as out:
        process = subprocess.Popen((*EUCORA, "up", "--no-agent"), env=environ, stdout=out, stderr=out)
    try:
        own._await(process, log)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


@contextmanager
def fleet_of(folder: Path, count: int, cadence_s: float, environ: dict[str, str]) -> Iterator[list[str]]:
    """Real agents of this machine, each in a process and a folder of its own; their device ids."""
    processes: list[subprocess.Popen[bytes]] = []
    with up(environ, folder):
        token = eucora(environ, "enrolment-tokens", "create", "--uses", str(count), "--json")["token"]
        url = f"https://localhost:{environ['EUCORA_ENROLMENT_PORT']}"
        ca = str(folder / "data" / "authority" / "trusted.pem")
        homes = [environ_of(folder, n, cadence_s) | {"EUCORA_AGENT_TOKEN": token} for n in range(count)]
        with ThreadPoolExecutor(2) as pool:
            argv = (*AGENT, "enrol", "--url", url, "--ca", ca)
            list(pool.map(lambda e: subprocess.run(argv, env=e, check=True, capture_output=True), homes))
    try:
        for home in homes:
            with (Path(home["EUCORA_AGENT_DIR"]).parent / "agents.log").open("ab") as log:
                processes.append(subprocess.Popen((*AGENT, "run"), env=home, stdout=log, stderr=log))
        yield [json.loads((folder / f"agent-{n}" / "identity.json").read_bytes())["device_id"] for n in range(count)]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def environ_of(folder: Path, n: int, cadence_s: float) -> dict[str, str]:
    mine = {"EUCORA_AGENT_DIR": str(folder / f"agent-{n}"), "EUCORA_AGENT_CADENCE_S": str(cadence_s)}
    return {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")} | mine


def settled(folder: Path, n: int) -> int:
    """Items that were acknowledged, as the agent's own page says."""
    said = json.loads((folder / f"agent-{n}" / "status.json").read_bytes())
    return int(said["appended"] - said["queue_depth"])


def told(folder: Path, ids: list[str]) -> list[dict[str, Any]]:
    platform = fleet.running(folder / "data")
    return [dict(platform.ask(f"/api/v1/devices/{each}/completeness")) for each in ids]


def healed(folder: Path, acknowledged: dict[str, int]) -> bool:
    found = told(folder, list(acknowledged))
    wanted = acknowledged.values()
    return all(each["state"] == "complete" and each["items"] >= n for each, n in zip(found, wanted, strict=True))


async def counted(data_dir: Path) -> int:
    connection = await asyncpg.connect(own.owner_url(data_dir))
    try:
        return int(await connection.fetchval(TWICE))
    finally:
        await connection.close()


def eucora(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run((*EUCORA, *words), env=environ, check=True, capture_output=True)
    return dict(json.loads(done.stdout))


def eventually(question: Any, limit_s: float) -> bool:
    until = time.monotonic() + limit_s
    while not (found := question()) and time.monotonic() < until:
        time.sleep(0.5)
    return bool(found)


def timed(do: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return do(), time.monotonic() - began


if __name__ == "__main__":
    main()
