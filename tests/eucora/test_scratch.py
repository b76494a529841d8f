"""What a process writes for a moment goes with it, however it ends."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from eucora import scratch

LEAVES = """
import sys, tempfile, time
from pathlib import Path
from eucora import scratch
with scratch.held(Path(sys.argv[1])):
    file = Path(tempfile.mkdtemp(prefix="rows-")) / "rows.csv"
    file.write_text("what a device said")
    print(file, flush=True)
    sys.stdin.read()
"""

BRIEF = """
import sys
from pathlib import Path
from eucora import scratch
for _ in range(300):
    with scratch.held(Path(sys.argv[1])):
        pass
"""


def begun(root: Path) -> "tuple[subprocess.Popen[str], Path]":
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVES, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_when_the_next_one_starts_and_a_living_ones_stays(tmp_path: Path) -> None:
    root = tmp_path / "scratch"
    (killed, left), (living, used) = begun(root), begun(root)
    try:
        assert left.is_relative_to(root)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.exists()
        with scratch.held(root):
            assert not left.exists()
            assert used.read_text() == "what a device said"
    finally:
        for process in (killed, living):
            process.communicate("")
    assert not used.exists()
    assert [each.name for each in root.iterdir()] == ["lock"]


def test_processes_that_start_and_end_all_at_once_are_not_in_each_others_way(tmp_path: Path) -> None:
    root = tmp_path / "scratch"
    for _ in range(3):
        processes = [subprocess.Popen([sys.executable, "-c", BRIEF, str(root)]) for _ in range(4)]
        assert [process.wait() for process in processes] == [0] * 4
    assert [each.name for each in root.iterdir()] == ["lock"]


def test_others_of_the_machine_read_nothing_of_it_and_afterwards_all_is_as_before(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with scratch.held(tmp_path / "scratch") as own:
        assert (tmp_path / "scratch").stat().st_mode & 0o777 == own.stat().st_mode & 0o777 == 0o700
        assert tempfile.gettempdir() == str(own)
    assert tempfile.gettempdir() == before
