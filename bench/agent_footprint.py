"""What one real agent costs on this machine: memory, processor, bytes written to disk and sent, a payload.

`python -m bench.agent_footprint --seconds 600` starts a platform of its own, enrols an agent there, waits until its first
inventory is through, and measures from then on. The agent speaks through a relay that counts its bytes (TLS included).
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench import own
from bench.fleet import Platform, running

TICK = os.sysconf("SC_CLK_TCK")
SETTLE_BEATS = 2


@dataclass(frozen=True)
class Reading:
    """A process at one time, and what it had sent and written until then. Times in seconds, sizes in bytes."""

    at_s: float
    cpu_s: float
    rss: int
    pss: int
    written: int
    wire_up: int
    wire_down: int


@dataclass
class Relay:
    """Carries every connection on to `to`, and counts."""

    to: tuple[str, int]
    port: int = 0
    up: int = 0
    down: int = 0
    ready: threading.Event = field(default_factory=threading.Event)

    async def serve(self) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.to)
        await asyncio.gather(self._pump(reader, far_writer, "up"), self._pump(far_reader, writer, "down"))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        try:
            while data := await source.read(65_536):
                setattr(self, way, getattr(self, way) + len(data))
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()


def main() -> None:
    given = arguments().parse_args()
    with nullcontext(given.data_dir) if given.data_dir else own.platform() as data_dir:
        print(json.dumps(measure(running(data_dir), given.seconds, given.cadence), indent=2))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench.agent_footprint", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="of a running platform; without it, one is started")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to measure")
    parser.add_argument("--cadence", type=float, default=60.0, help="seconds between two readings of the machine")
    return parser


def measure(platform: Platform, seconds: float, cadence_s: float) -> dict[str, object]:
    """The figures of one agent, start-up and first inventory left out."""
    with tempfile.TemporaryDirectory(prefix="eucora-agent-") as folder, agent(platform, Path(folder), cadence_s) as it:
        process, relay = it
        time.sleep(SETTLE_BEATS * cadence_s + min(5.0, cadence_s))
        before, payloads = read(process.pid, relay), acknowledged(Path(folder))
        time.sleep(seconds)
        after, told = read(process.pid, relay), acknowledged(Path(folder)) - payloads
    return figures(before, after, told, cadence_s)


def figures(before: Reading, after: Reading, payloads: int, cadence_s: float) -> dict[str, object]:
    ran_s, each = after.at_s - before.at_s, max(1, payloads)
    return {
        "cadence_s": cadence_s,
        "measured_s": round(ran_s, 1),
        "payloads": payloads,
        "rss_mb": round(after.rss / 1e6, 1),
        "pss_mb": round(after.pss / 1e6, 1),
        "cpu_percent_of_a_core": round((after.cpu_s - before.cpu_s) / ran_s * 100, 3),
        "cpu_ms_per_payload": round((after.cpu_s - before.cpu_s) * 1000 / each, 1),
        "disk_bytes_per_payload": (after.written - before.written) // each,
        "wire_bytes_up_per_payload": (after.wire_up - before.wire_up) // each,
        "wire_bytes_down_per_payload": (after.wire_down - before.wire_down) // each,
        "readings": [asdict(before), asdict(after)],
    }


@contextmanager
def agent(
    platform: Platform, folder: Path, cadence_s: float, relay_to: Callable[[tuple[str, int]], Relay] = Relay
) -> Iterator[tuple["subprocess.Popen[bytes]", Relay]]:
    """A real agent, enrolled and running, behind a relay."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")}
    environ |= {"EUCORA_AGENT_DIR": str(folder), "EUCORA_AGENT_CADENCE_S": str(cadence_s)}
    token, where = platform.ask("/api/v1/enrolment-tokens", {"uses": 1, "hours": 1})["token"], platform.operator
    words = ["enrol", "--url", str(where["enrolment_url"]), "--ca", str(where["ca"])]
    subprocess.run(command(*words), env={**environ, "EUCORA_AGENT_TOKEN": str(token)}, check=True, capture_output=True)
    relay = through_relay(folder / "identity.json", relay_to)
    with (folder / "agent.log").open("w") as log:
        process = subprocess.Popen(command("run"), env=environ, stderr=log)
    try:
        yield process, relay
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "eucora_agent.main", *words]


def through_relay(identity: Path, relay_to: Callable[[tuple[str, int]], Relay] = Relay) -> Relay:
    """Point the agent at a relay to where it was pointed."""
    known = json.loads(identity.read_text())
    gateway = urlsplit(known["gateway"])
    relay = relay_to((gateway.hostname or "", gateway.port or 443))
    threading.Thread(target=lambda: asyncio.run(relay.serve()), daemon=True).start()
    relay.ready.wait()
    identity.write_text(json.dumps({**known, "gateway": f"https://{gateway.hostname}:{relay.port}"}))
    return relay


def read(pid: int, relay: Relay) -> Reading:
    """Processor time includes that of ended children: what the agent had others do."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return Reading(
        at_s=time.monotonic(),
        cpu_s=sum(int(n) for n in fields[11:15]) / TICK,
        rss=_number(rollup, "Rss:") * 1024,
        pss=_number(rollup, "Pss:") * 1024,
        written=_number(Path(f"/proc/{pid}/io").read_text(), "write_bytes:"),
        wire_up=relay.up,
        wire_down=relay.down,
    )


def _number(text: str, name: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def acknowledged(folder: Path) -> int:
    """Payloads appended so far and not in the queue any more, as the agent's own files say."""
    said = json.loads((folder / "status.json").read_text())
    return int(said["appended"]) - int(said["queue_depth"])


if __name__ == "__main__":
    main()
