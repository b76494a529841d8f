"""What the platform's processes cost: CPU seconds and resident memory, read from /proc."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds since start and resident bytes of one named group of processes."""

    cpu_s: float
    rss: int


def below(parent: int) -> dict[int, str]:
    """Every descendant of `parent`, and itself, with a name to group by."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(rest[1]), []).append(pid)
    found, queue = {}, [parent]
    while queue:
        pid = queue.pop()
        found[pid] = _name(pid)
        queue += children.get(pid, [])
    return found


def _name(pid: int) -> str:
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return "gone"
    words = [Path(a.decode(errors="replace")).name for a in argv if a]
    for role in ("gateway", "enrolment", "api", "pipeline", "up"):
        if "serve" in words and role in words:
            return f"eucora {role}"
    if "eucora-agent" in words:
        return "agent"
    first = (words or ["?"])[0].split(":")[0]
    return "eucora up" if "up" in words and "eucora" in words else first.split(" ")[0]


def cost(parent: int) -> dict[str, Cost]:
    """Cost by name of everything below `parent`."""
    total: dict[str, Cost] = {}
    for pid, name in below(parent).items():
        try:
            rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        pss = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("Pss:")), 0)
        known = total.get(name, Cost(0.0, 0))
        total[name] = Cost(known.cpu_s + (int(rest[11]) + int(rest[12])) / TICK, known.rss + pss)
    return total


def cpu_s(*pids: int) -> float:
    """CPU seconds of processes since they began, their threads included; of those that still run."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(rest[11]) + int(rest[12])
    return ticks / TICK
