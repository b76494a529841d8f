"""A process that has no more than a share of a core: a quota of CPU as the kernel's own (cpu.max), without its rights.

In each tenth of a second it may use so much; who has used it is stopped until his next. What it used too much, because
this looks only each few milliseconds, it lacks in those after it.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from bench import processes

PERIOD_S, LOOK_S = 0.1, 0.004


class Held:
    """Those of a name below a supervisor, held until `end`; a share of 1 or more holds nobody."""

    def __init__(self, leader: int, name: str, share: float) -> None:
        self._pids = [pid for pid, of in processes.below(leader).items() if of == name]
        self._budget_s, self._ended = PERIOD_S * share, threading.Event()
        self._turning = threading.Thread(target=self._turn, daemon=True)
        if share < 1:
            self._turning.start()

    def end(self) -> None:
        """They have what they get again."""
        self._ended.set()
        if self._turning.is_alive():
            self._turning.join()

    def _turn(self) -> None:
        may_s, stopped, period = used_s(self._pids), False, time.monotonic()
        while not self._ended.wait(LOOK_S):
            now = time.monotonic()
            if now >= period:
                periods = 1 + int((now - period) / PERIOD_S)
                period += periods * PERIOD_S
                # What was not used is not kept for later.
                may_s = min(may_s, used_s(self._pids)) + self._budget_s * periods
            spent = used_s(self._pids) >= may_s
            if spent != stopped:
                stopped = spent
                self._tell(signal.SIGSTOP if stopped else signal.SIGCONT)
        self._tell(signal.SIGCONT)

    def _tell(self, what: signal.Signals) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)


def used_s(pids: list[int]) -> float:
    """Seconds of CPU that the threads of these have had, to the nanosecond."""
    used = 0
    for pid in pids:
        for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                used += int(stat.read_text().split()[0])
    return used / 1e9
