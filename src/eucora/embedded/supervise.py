"""Keeps a program running as a direct child: starts it, waits until it is ready, starts it again when it dies.

Rule 1: children are forked from one thread that lives as long as this process. The kernel's parent-death signal is
bound to the thread that forked; it is why no orphan is left when the platform is killed with -9.
Rule 2: secrets reach a child by its environment, its standard input or a private file, never by argv.
Rule 3: what an earlier run left behind has ended before a new child is started on the same data.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from eucora.embedded.account import Account, myself
from eucora.embedded.leftover import end_leftover, note_child
from eucora.embedded.problems import EmbeddedError

FIRST_DELAY_S, LONGEST_DELAY_S, STEADY_AFTER_S = 0.1, 5.0, 30.0
LOG_LIMIT_BYTES = 32 * 2**20

Report = Callable[[str, str], None]

_forks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forks")


def plain_environment() -> dict[str, str]:
    """What a server needs of our environment, and nothing that would change what it does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how to know that it runs: `ready` is handed the pid, and an OSError from it means not yet."""

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[int], bool]
    environment: Mapping[str, str] = field(default_factory=plain_environment, repr=False)
    account: Account = field(default_factory=myself)
    cwd: Path = Path("/")
    stdin: bytes = field(default=b"", repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM  # what the kernel sends it when we die
    start_limit_s: float = 30.0
    stop_limit_s: float = 15.0
    mend: str = ""  # what to do when it does not start, after its last words
    swept: Callable[[], None] = lambda: None  # called after each end

    @property
    def pid_file(self) -> Path:
        return self.log.with_suffix(".pid")


class Child:
    """A program that is kept running until it is stopped."""

    def __init__(self, program: Program, report: Report) -> None:
        self.program = program
        self.restarts = 0
        self._report = report
        self._log_begins = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._settled = threading.Event()  # ready for the first time, or failed before that
        self._failure: str | None = None
        self._keeper = threading.Thread(target=self._keep, name=f"keep-{program.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Start it and return at once; `wait_ready` tells how that went."""
        self._keeper.start()

    def wait_ready(self) -> None:
        """Return when it is ready; raise EmbeddedError with the end of its log when it can't be started."""
        self._settled.wait()
        if self._failure is not None:
            raise EmbeddedError(self._failure)

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if not self._stopping.is_set() and self._process is not None:
            self._process.send_signal(self.program.stop_signal)
        self._stopping.set()

    def stop(self) -> None:
        """Ask it to stop and wait until it has; what does not stop in time is killed."""
        self.ask_to_stop()
        if self._keeper.is_alive():
            self._keeper.join(self.program.stop_limit_s)
        if self._keeper.is_alive() and self._process is not None:
            kill_group(self._process)
            self._keeper.join()

    def _keep(self) -> None:
        delay_s = FIRST_DELAY_S
        try:
            end_leftover(self.program.pid_file, self.program.orphan_signal)
            while not self._stopping.is_set():
                began = time.monotonic()
                ending = how_it_ended(self._run_once(began))
                if self._stopping.is_set():
                    return
                if not self._settled.is_set():
                    said = last_words(self.program.log, self._log_begins)
                    self._failure = f"{self.program.name} does not start ({ending}): {said}{self.program.mend}"
                    return
                delay_s = FIRST_DELAY_S if time.monotonic() - began > STEADY_AFTER_S else delay_s
                self.restarts += 1
                self._report(self.program.name, f"{ending}; starts again in {delay_s:.1f} s")
                self._stopping.wait(delay_s)
                delay_s = min(delay_s * 2, LONGEST_DELAY_S)
        except (OSError, EmbeddedError) as exc:
            self._failure = f"{self.program.name} can't be started: {exc}"
        except BaseException as exc:
            self._failure = f"{self.program.name} can't be started: {type(exc).__name__}"
            raise
        finally:
            self._settled.set()

    def _run_once(self, began: float) -> int:
        """Start it, see it become ready, and wait for its end."""
        self._log_begins = size_of(self.program.log)
        process = self._process = _forks.submit(spawn, self.program).result()
        if self._stopping.is_set():  # asked while it was being forked
            process.send_signal(self.program.stop_signal)
        while process.poll() is None and not self._stopping.is_set():
            if is_ready(self.program, process.pid):
                self._report(self.program.name, f"ready in {time.monotonic() - began:.1f} s")
                self._settled.set()
                break
            if time.monotonic() - began > self.program.start_limit_s:
                kill_group(process)
            time.sleep(0.02)
        while process.poll() is None:
            shorten(self.program.log)
            time.sleep(0.1)
        self.program.pid_file.unlink(missing_ok=True)
        self.program.swept()
        return process.returncode


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Fork it. A session of its own keeps the terminal's Ctrl-C from it, so that we can stop things in order."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedError("setpriv, which keeps children from being orphaned, is missing: install util-linux")
    bound_to_us = (setpriv, "--pdeathsig", program.orphan_signal.name.removeprefix("SIG"), "--")
    with open(program.log, "ab", opener=_private) as log:
        process = subprocess.Popen(
            (*bound_to_us, *program.argv),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=program.cwd,
            env=dict(program.environment),
            start_new_session=True,
            user=program.account.user,
            group=program.account.group,
            extra_groups=program.account.extra_groups,
        )
    note_child(program.pid_file, process.pid)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # when it has ended already, its log says why
        process.stdin.write(program.stdin)
    return process


def is_ready(program: Program, pid: int) -> bool:
    """Ask the program's own test; a refused or reset connection means not yet."""
    try:
        return program.ready(pid)
    except OSError:
        return False


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill it and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """An exit status in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def last_words(log: Path, begins: int) -> str:
    """The last line from `begins` on that names a fault, else the last line; servers say the fault just before they end."""
    with open(log, "rb") as file:
        file.seek(max(begins, size_of(log) - 65536))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    faults = [line for line in lines if re.search(r"\b(FATAL|PANIC|[Ee]rror)\b", line)]
    return f"{(faults or lines or ['it said nothing'])[-1]} (more in {log})"


def shorten(log: Path) -> None:
    """Empty a log that grew too long. The child appends, so it carries on at the start."""
    if size_of(log) > LOG_LIMIT_BYTES:
        os.truncate(log, 0)


def size_of(log: Path) -> int:
    """Its length in bytes; 0 while there is none."""
    return log.stat().st_size if log.exists() else 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
