"""Whom the servers run as: oneself, or a system user of their own when root starts them.

PostgreSQL refuses root, and a server that a bug can turn should not be root either.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from eucora.embedded.problems import EmbeddedError

SYSTEM_USER = "eucora"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, by number."""

    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def user(self) -> int | None:
        """What subprocess needs to become this account; None where nothing has to change."""
        return None if self.is_self else self.uid

    @property
    def group(self) -> int | None:
        return None if self.is_self else self.gid

    @property
    def extra_groups(self) -> list[int] | None:
        return None if self.is_self else []


def myself() -> Account:
    """Whoever runs this process."""
    return Account(os.geteuid(), os.getegid())


def servers_account() -> Account:
    """The user that the servers run as; root makes the system user `eucora`, or falls back to `nobody`."""
    if os.geteuid() != 0:
        return _oneself()
    account = _find(SYSTEM_USER) or _make_system_user() or _find("nobody")
    if account is None:
        raise EmbeddedError("root found no user to run the servers as: make one with useradd --system eucora")
    return account


def can_reach(account: Account, path: Path) -> bool:
    """Whether every folder above `path` lets the account through."""
    return all(_lets_through(parent.stat(), account) for parent in path.absolute().parents)


def give(account: Account, path: Path, mode: int) -> Path:
    """Hand a file or folder to the account, with this mode."""
    path.chmod(mode)
    if not account.is_self:
        os.chown(path, account.uid, account.gid)
    return path


def _lets_through(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    return bool(folder.st_mode & (stat.S_IXGRP if folder.st_gid == account.gid else stat.S_IXOTH))


def _oneself() -> Account:
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError as exc:
        raise EmbeddedError(
            f"user id {os.geteuid()} has no line in /etc/passwd and PostgreSQL needs one: "
            "add it, run as another user, or set EUCORA_POSTGRES_URL"
        ) from exc
    return Account(entry.pw_uid, entry.pw_gid)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _make_system_user() -> Account | None:
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is not None:
        nowhere = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
        subprocess.run([useradd, "--system", "--user-group", *nowhere, SYSTEM_USER], check=False, capture_output=True)
    return _find(SYSTEM_USER)  # whoever made it: two platforms may start at once
