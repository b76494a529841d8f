"""The one directory that holds everything: made, checked, and held by one platform at a time.

The lock is an flock: it ends with the process that holds it, however that ends. A secret is made once and is readable
by its owner only; it is never made anew beside data that needs the old one.
"""

import fcntl
import os
import secrets as random
from dataclasses import dataclass
from pathlib import Path

from eucora import secrets
from eucora.embedded.account import Account, give, servers_account
from eucora.embedded.problems import EmbeddedError


@dataclass(frozen=True, slots=True)
class DataDir:
    """An open data directory; `lock` is the descriptor that holds it."""

    path: Path
    account: Account
    lock: int

    def servers_folder(self, name: str) -> Path:
        """A folder that belongs to the servers' account alone."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return give(self.account, path, 0o700)

    def own_folder(self, name: str) -> Path:
        """A folder that belongs to whoever runs the platform, alone."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        path.chmod(0o700)
        return path

    def secret(self, name: str, *, create: bool = True) -> str:
        """The password of this name from `secrets/`, made at first use."""
        path = self.own_folder("secrets") / name
        if not path.exists():
            if not create:
                raise EmbeddedError(f"{path} is missing, and the data beside it needs it: restore it from your backup")
            secrets.write(path, random.token_urlsafe(32).encode())
        return path.read_text()

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self.lock)


def open_data_dir(path: Path) -> DataDir:
    """Make the directory if need be and hold it. Raises EmbeddedError when it can't be written or is held."""
    path = path.absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise EmbeddedError(f"{path} can't be written ({exc.strerror}): mend that, or set EUCORA_DATA_DIR") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        pid = _read_pid(lock)
        os.close(lock)
        raise EmbeddedError(
            f"already running as pid {pid} on {path}; stop it with eucora down or set EUCORA_DATA_DIR"
        ) from exc
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return DataDir(path, servers_account(), lock)


def beside(path: Path) -> DataDir:
    """The directory of a platform that runs: looked into, not held."""
    return DataDir(path.absolute(), servers_account(), -1)


def holder(path: Path) -> int | None:
    """The process id of the platform that holds this directory, or None when nobody does. Raises EmbeddedError."""
    try:
        lock = os.open(path / "lock", os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as exc:
        raise EmbeddedError(f"{path} belongs to another user: run this as that user, or set EUCORA_DATA_DIR") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(lock)
    finally:
        os.close(lock)
    return None


def _read_pid(lock: int) -> int | None:
    text = os.pread(lock, 20, 0)
    return int(text) if text.isdigit() else None
