"""Files that are either as before or whole as new, whenever the power goes; only their owner may read them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eucora_agent.problems import SpoolFailing, SpoolFull

ROOM = {errno.ENOSPC: SpoolFull, errno.EDQUOT: SpoolFull, errno.EIO: SpoolFailing, errno.EROFS: SpoolFailing}
"""What a disk says that has no room, or fails."""


def write(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Replace `path` at once. Mode 0600. `sync` off for what may be lost, as a status page. Raises SpoolFull."""
    fresh = path.with_name(path.name + ".new")
    with _translated(fresh):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        fresh.replace(path)
        if sync:
            sync_folder(path.parent)


@contextmanager
def _translated(fresh: Path) -> Iterator[None]:
    """In the agent's own words; what was begun takes no room."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in ROOM:
            raise
        with suppress(OSError):  # nor may it be removed where nothing may be written
            fresh.unlink(missing_ok=True)
        raise ROOM[exc.errno] from exc


def sync_folder(folder: Path) -> None:
    """Make names that came, went or changed in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> Path:
    """The folder, made if need be; nobody but its owner may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
