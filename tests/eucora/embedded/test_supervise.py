import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eucora.embedded import supervise
from eucora.embedded.problems import EmbeddedError
from eucora.embedded.supervise import Child, Program

SAY_READY = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(60)"


def program(folder: Path, code: str, **more: object) -> Program:
    ready: Callable[[int], bool] = lambda pid: (folder / "ready").exists()  # noqa: E731
    return Program("toy", (sys.executable, "-c", code), folder / "toy.log", ready, cwd=folder, **more)  # type: ignore[arg-type]


def eventually(test: Callable[[], bool], limit_s: float = 10.0) -> bool:
    until = time.monotonic() + limit_s
    while not test() and time.monotonic() < until:
        time.sleep(0.02)
    return test()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_child_that_is_killed_comes_back_and_says_so(folder: Path) -> None:
    told: list[str] = []
    child = Child(program(folder, SAY_READY), lambda name, what: told.append(what))
    child.start()
    child.wait_ready()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: child.pid not in (None, first))
    assert eventually(lambda: len(told) == 3)
    child.stop()
    assert told[1] == "killed by SIGKILL; starts again in 0.1 s"
    assert [line[:8] for line in (told[0], told[2])] == ["ready in", "ready in"]
    assert child.restarts == 1


def test_a_child_that_is_stopped_stays_so(folder: Path) -> None:
    child = Child(program(folder, SAY_READY), lambda name, what: None)
    child.start()
    child.wait_ready()
    pid = child.pid
    assert pid is not None
    child.stop()
    assert not alive(pid)
    assert child.pid is None
    assert child.restarts == 0
    assert not child.program.pid_file.exists()


def test_a_child_that_will_not_stop_is_killed(folder: Path) -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAY_READY}"
    child = Child(program(folder, stubborn, stop_limit_s=0.3), lambda name, what: None)
    child.start()
    child.wait_ready()
    pid = child.pid
    assert pid is not None
    child.stop()
    assert not alive(pid)


def test_what_does_not_start_is_told_with_its_last_words(folder: Path) -> None:
    child = Child(program(folder, "import sys; sys.exit('the disk is on fire')"), lambda name, what: None)
    child.start()
    with pytest.raises(EmbeddedError, match=r"toy does not start \(ended with status 1\): the disk is on fire"):
        child.wait_ready()


def test_what_never_gets_ready_is_killed_at_its_limit(folder: Path) -> None:
    child = Child(program(folder, "import time; time.sleep(60)", start_limit_s=0.3), lambda name, what: None)
    child.start()
    with pytest.raises(EmbeddedError, match="killed by SIGKILL"):
        child.wait_ready()


def test_what_can_not_be_run_is_told(folder: Path) -> None:
    absent = Program("toy", ("/nowhere/toy",), folder / "toy.log", lambda pid: False)
    child = Child(absent, lambda name, what: None)
    child.start()
    with pytest.raises(EmbeddedError, match=r"toy does not start .*No such file"):
        child.wait_ready()


def test_a_secret_reaches_a_child_by_its_standard_input_and_no_other_way(folder: Path) -> None:
    code = f"import sys; open('got', 'w').write(sys.stdin.read()); {SAY_READY}"
    child = Child(program(folder, code, stdin=b"hush"), lambda name, what: None)
    child.start()
    child.wait_ready()
    assert (folder / "got").read_text() == "hush"
    assert "hush" not in Path(f"/proc/{child.pid}/cmdline").read_text()
    assert "hush" not in repr(child.program)
    child.stop()


def test_what_an_earlier_run_left_behind_has_ended_before_a_new_child_starts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eucora.embedded.leftover.NATURAL_END_S", 0.1)
    left = supervise.spawn(program(folder, SAY_READY))
    assert eventually((folder / "ready").exists)
    child = Child(program(folder, SAY_READY), lambda name, what: None)
    child.start()
    assert left.wait(10) == -signal.SIGTERM
    child.wait_ready()
    child.stop()


def test_a_pid_that_now_belongs_to_a_stranger_is_left_alone(folder: Path) -> None:
    asked = program(folder, SAY_READY)
    asked.pid_file.write_text(f"{os.getpid()} 1")  # our pid, and the start time of somebody long gone
    child = Child(asked, lambda name, what: None)
    child.start()
    child.wait_ready()
    child.stop()


def test_a_log_that_grows_too_long_is_emptied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "LOG_LIMIT_BYTES", 1000)
    code = f"import sys; [print('x' * 99, flush=True) for _ in range(50)]; {SAY_READY}"
    child = Child(program(folder, code), lambda name, what: None)
    child.start()
    child.wait_ready()
    assert eventually(lambda: child.program.log.stat().st_size < 1000)
    assert child.program.log.stat().st_mode & 0o777 == 0o600
    child.stop()
