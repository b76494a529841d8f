"""What `eucora-agent status` shows: what the running agent last said of itself, and what its process costs, measured."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from eucora_agent import durable
from eucora_agent.severity import Severity

FILE = "status.json"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")


class Said(Struct, frozen=True, omit_defaults=True):
    """Written at each beat."""

    pid: int
    device_id: str
    version: str
    started_s: float
    queue_depth: int
    appended: int
    status: str
    policy: str
    certificate_expires: str
    last_ack: str | None = None
    last_problem: str | None = None
    severity: Severity = ""
    held_back: int = 0
    """Batches that wait since the line did not carry them."""


class Cost(Struct, frozen=True):
    """Of the running process: resident memory, and processor time as a share of one core since it started."""

    rss_mb: float
    cpu_percent: float
    running_s: float


def write(folder: Path, said: Said) -> None:
    durable.write(folder / FILE, msgspec.json.encode(said), sync=False)


def read(folder: Path) -> Said | None:
    """None when no agent ever ran here."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Said)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def resident(pid: int | str = "self") -> int:
    """Bytes. Raises OSError when the process is gone."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def processor_s(pid: int | str = "self") -> float:
    """User and system time of the process and of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:15]) / TICK


def cost(said: Said, uptime_s: float) -> Cost | None:
    """None when that process does not run any more."""
    try:
        started = int(Path(f"/proc/{said.pid}/stat").read_text().rpartition(")")[2].split()[19]) / TICK
        running = max(uptime_s - started, 0.001)
        return Cost(
            round(resident(said.pid) / 1e6, 1), round(processor_s(said.pid) / running * 100, 3), round(running, 1)
        )
    except OSError:
        return None
