"""What an earlier run left running on the same data: known by pid and start time, so that no stranger is ever hit."""

import os
import signal
import time
from pathlib import Path

NATURAL_END_S, ASKED_END_S = 3.0, 10.0


def note_child(pid_file: Path, pid: int) -> None:
    """Write down who was started."""
    pid_file.write_text(f"{pid} {_started(pid)}")


def end_leftover(pid_file: Path, orphan_signal: signal.Signals) -> None:
    """Wait for a child that lost its parent to end; ask it, then kill it, when it does not."""
    try:
        pid, started = pid_file.read_text().split()
    except (FileNotFoundError, ValueError):
        return
    for limit_s, then in ((NATURAL_END_S, orphan_signal), (ASKED_END_S, signal.SIGKILL), (ASKED_END_S, None)):
        if _gone(int(pid), started, limit_s) or then is None:
            break
        os.kill(int(pid), then)
    pid_file.unlink(missing_ok=True)


def has_ended(pid: int) -> bool:
    """Also when nobody has taken note of its end: to kill(2) such a process still looks alive."""
    return _started(pid) == ""


def _gone(pid: int, started: str, limit_s: float) -> bool:
    until = time.monotonic() + limit_s
    while _started(pid) == started:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of the process (field 22 of proc(5) stat), or nothing when it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]
