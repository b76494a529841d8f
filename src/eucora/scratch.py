"""Where a process writes what it needs for a moment: rows on their way into a file, files to be merged, what a sort spills.

They hold what devices said, and a process that is killed leaves them behind. So each has a folder of its own below the data
directory, held by a lock that ends with it, and whoever comes next removes those that nobody holds.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(root: Path) -> Iterator[Path]:
    """A folder of this process's own, in which `tempfile` makes what it makes; gone with the block."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(root / "lock"):  # so that nobody sees a folder before it is held, or half gone
        _sweep(root)
        own = Path(tempfile.mkdtemp(prefix="of-", dir=root))
        lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    before, tempfile.tempdir = tempfile.tempdir, str(own)
    try:
        yield own
    finally:
        tempfile.tempdir = before
        with _locked(root / "lock"):
            shutil.rmtree(own, ignore_errors=True)
        os.close(lock)


def _sweep(root: Path) -> None:
    for folder in root.glob("of-*"):
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
