"""What append returned for outlives a full disk and kill -9."""

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.eucora_agent.spooling import (
    batches,
    bodies_of,
    fill,
    full_disk,
    halves,
    newest,
    opened,
    seal_all,
)

from eucora_agent import spool_folder
from eucora_agent.problems import SpoolFull, SpoolUnusable


@pytest.mark.parametrize("what", ["append", "seal", "halves", "leave"])
def test_a_write_that_fails_changes_nothing_in_memory(tmp_path: Path, what: str) -> None:
    spool = opened(tmp_path)
    fill(spool, 30, 30)
    seal_all(spool)
    fill(spool, 30)
    head, sealed, waiting = spool.head, spool.sealed(), list(spool._waiting())
    envelope = batches(spool)[0]
    acts = {
        "append": lambda: fill(spool, 30),
        "seal": lambda: seal_all(spool),
        "halves": lambda: spool.seal_again([1], halves(envelope)),
        "leave": lambda: spool.leave(spool.head.stream),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_folder, "write", full_disk)
        with pytest.raises(SpoolFull):
            acts[what]()
    assert (spool.head, spool.sealed(), list(spool._waiting())) == (head, sealed, waiting)
    acts[what]()
    spool.close()
    spool = opened(tmp_path)
    assert [x.ordinal for x, _ in spool._waiting()] == {"append": [3, 4], "seal": []}.get(what, [3])


FULL = """
import resource, sys
from pathlib import Path
from tests.eucora_agent.spooling import boot, opened, seal_all
from eucora_agent.problems import SpoolFull
spool = opened(Path(sys.argv[1]), most=2**26)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
kept = failed = 0
for n in range(400):
    try:
        spool.append(f"{n}.".encode().ljust(3000, b"x"), "a", 2, boot())
        kept += 1
        print(n, flush=True)
        if n % 7 == 0:
            seal_all(spool, 5)
    except SpoolFull:
        failed += 1
print("full" if failed else "never full", flush=True)
"""


def test_a_disk_that_takes_no_more_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    """The limit of a file's size is met by SQLite as a full disk: in the middle of writing journal or file."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "spool"), "300000"], capture_output=True, text=True, check=True
    )
    *kept, last = done.stdout.split("\n")[:-1]
    assert last == "full"
    spool = opened(tmp_path / "spool", most=2**26)
    assert spool.damaged == 0
    fill(spool, 30)
    seal_all(spool)
    carried = [b.partition(b".")[0].decode() for e in batches(spool) for b in bodies_of(e)]
    assert carried[:-1] == kept


WORKER = """
import sys
from pathlib import Path
from tests.eucora_agent.spooling import boot, opened, seal_next
spool = opened(Path(sys.argv[1]))
print("open", spool.head.next_ordinal, flush=True)
for n in range(10**6):
    ordinal = spool.append(f"{spool.head.next_ordinal}.".encode().ljust(900, b"x"), "a", 2, boot())
    print(ordinal, flush=True)
    if n % 3 == 0:
        seal_next(spool, 5)
    if n % 5 == 0 and spool.sealed():
        spool.settle(spool.sealed()[0].number)
"""


def test_nothing_that_append_returned_for_is_gone_after_kill_9(tmp_path: Path) -> None:
    draw, told = random.Random(3), 0
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "spool")], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        first = int(child.stdout.readline().split()[1])
        assert first > told
        for _ in range(draw.randint(1, 40)):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        child.wait()
        child.stdout.close()
        spool = opened(tmp_path / "spool")
        assert spool.damaged == 0
        assert spool.head.next_ordinal in (told + 1, told + 2)  # one more may be kept than could be told
        found = [x.ordinal for x, _ in spool._waiting()]
        assert found == list(range(spool.head.sealed_to + 1, spool.head.next_ordinal))
        ranges = [(x.first, x.last) for x in spool.sealed()]
        assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(ranges))
        spool.close()


def test_every_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    spool = opened(tmp_path)
    for db in spool.folder.files.values():
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_only_the_owner_may_read_the_spool(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    fill(spool, 30)
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_a_folder_that_cant_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    opened(tmp_path).close()
    newest(tmp_path).chmod(0o400)
    if os.geteuid() != 0:
        with pytest.raises(SpoolUnusable, match="the agent's own"):
            fill(opened(tmp_path), 30)
    else:  # nothing is closed to root: a file system that is read-only is
        spool = opened(tmp_path)
        spool.folder.files[spool.folder.newest].execute("PRAGMA query_only = on")
        with pytest.raises(SpoolUnusable, match="the agent's own"):
            fill(spool, 30)
