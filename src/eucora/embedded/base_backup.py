"""PostgreSQL's part of a backup: taken while it runs, and put back so that it goes on to the last record of its log.

The embedded server's own tools do the work: pg_basebackup copies the cluster with the log that makes it whole, and
pg_verifybackup says whether a copy still is. Put back, the server replays on starting what else of its log is found.
"""

import os
import shutil
import subprocess
from pathlib import Path

from eucora.embedded import postgres
from eucora.embedded.account import give
from eucora.embedded.datadir import DataDir
from eucora.embedded.problems import EmbeddedError
from eucora.embedded.supervise import plain_environment

PLACE, DRAFT = "postgres", "postgres.restoring"


def take(data: DataDir, bindir: Path, port: int, into: Path) -> None:
    """The running cluster as files in `into`, verified. Raises EmbeddedError."""
    folder = data.path / PLACE
    fits = len(f"{folder}/.s.PGSQL.{port}".encode()) <= postgres.SOCKET_PATH_BYTES
    where = ("-h", str(folder) if fits else "127.0.0.1", "-p", str(port), "-U", postgres.SUPERUSER)
    options = ("--checkpoint=fast", "--wal-method=stream", "--no-password", "--format=plain")
    password = {"PGPASSWORD": data.secret(f"{postgres.SUPERUSER}.password", create=False)}
    _run((bindir / "pg_basebackup", *where, *options, "-D", into), password, "the database can't be copied")
    verify(bindir, into)


def verify(bindir: Path, folder: Path) -> None:
    """Every file is there as it was copied. Raises EmbeddedError."""
    _run((bindir / "pg_verifybackup", "--quiet", folder), {}, f"{folder} is damaged")


def put_back(data: DataDir, folder: Path, log: Path | None) -> None:
    """A copy in place of the cluster, which is there no more. `log`: a pg_wal that goes on where the copy ends."""
    draft, place = data.path / DRAFT, data.path / PLACE
    if draft.exists():  # a restore that was killed
        shutil.rmtree(draft)
    shutil.copytree(folder, draft)
    if log is not None:
        _go_on(draft, log)
    _give_all(data, draft)
    draft.rename(place)


def _go_on(draft: Path, log: Path) -> None:
    """Recovery reads the log's files one after the other, as far as they go, and then the server is its own again.

    They lie in the cluster's folder: the server can't walk out of it.
    """
    kept = draft / postgres.LOG_TO_READ
    kept.mkdir()
    for file in log.iterdir():
        if file.is_file():
            shutil.copy2(file, kept / file.name)
    with (draft / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {postgres.LOG_TO_READ}/%f %p'\n")
    (draft / "recovery.signal").touch()


def _give_all(data: DataDir, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        give(data.account, path, 0o700 if path.is_dir() else 0o600)


def _run(argv: tuple[Path | str, ...], more: dict[str, str], what: str) -> None:
    done = subprocess.run(
        argv, env={**plain_environment(), **more}, capture_output=True, text=True, check=False, cwd=os.sep
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EmbeddedError(f"{what}: {said}")
