"""PostgreSQL as a child: a cluster of its own with three login roles and the database `eucora`, on loopback only.

The cluster is made beside its place, roles and all, and then renamed: a killed start leaves no half of one. The server
runs inside its folder and calls it /proc/self/cwd, so that it need not be able to walk there (root's home is closed).
Before 16 a PostgreSQL could not: it finds its own binary by walking there and back by path.
"""

import re
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

from eucora.embedded.account import give
from eucora.embedded.datadir import DataDir
from eucora.embedded.leftover import has_ended
from eucora.embedded.problems import EmbeddedError
from eucora.embedded.supervise import Program, plain_environment

HERE = "/proc/self/cwd"
SUPERUSER, OWNER, APP, KEYS = "postgres", "eucora_owner", "eucora_app", "eucora_keys"
ROLES = (OWNER, APP, KEYS)
LOG_TO_READ = "log-to-read"
"""In the cluster's folder after a restore: what recovery goes on with."""
SOCKET_PATH_BYTES = 107  # unix(7): what sun_path holds, less its NUL

# hot_standby: nobody is let in, and it is not ready, before a log that is read again was read to its end.
# wal_keep_size: what a restore can go on with, beyond its backup.
# track_commit_timestamp: eucora explain tells when a batch could be asked for.
# log_min_messages and log_error_verbosity: an error's text and detail quote values, and values may be personal.
PARAMETERS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_keep_size": "1GB",
    "hot_standby": "off",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "track_commit_timestamp": "on",
    "jit": "off",
    "timezone": "UTC",
}

# The last two: for copies of the whole (base_backup).
WHO_MAY_CONNECT = f"""\
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
local replication {SUPERUSER} scram-sha-256
host replication {SUPERUSER} 127.0.0.1/32 scram-sha-256
"""


def ensure_cluster(data: DataDir, bindir: Path) -> Path:
    """The cluster's folder, made when there is none. Raises EmbeddedError when what lies there is not ours to run."""
    place = data.path / "postgres"
    if place.exists() and any(place.iterdir()):
        _check_version(place, _major(bindir))
        for role in ROLES:
            data.secret(f"{role}.password", create=False)
        _drop_locks_of_the_dead(place)
        (place / "pg_hba.conf").write_text(WHO_MAY_CONNECT)
        if not (place / "recovery.signal").exists() and (place / LOG_TO_READ).exists():
            shutil.rmtree(place / LOG_TO_READ)  # read at the start before
        return give(data.account, place, 0o700)
    draft = data.path / "postgres.new"
    if draft.exists():  # a killed start
        shutil.rmtree(draft)
    data.servers_folder(draft.name)
    _initialise(data, bindir, draft)
    return draft.rename(place)


def program(data: DataDir, bindir: Path, folder: Path, port: int) -> Program:
    """The server; ready as soon as it says so in its postmaster.pid."""
    settings = [part for name, value in {**PARAMETERS, "port": str(port)}.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(str(bindir / "postgres"), "-D", HERE, *settings),
        log=data.own_folder("logs") / "postgres.log",
        ready=lambda pid: is_ready(folder, pid),
        account=data.account,
        cwd=folder,
        stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for every client
        orphan_signal=signal.SIGINT,
        mend=f"; when {folder} is damaged, restore it from your backup, or move it away to begin anew",
        start_limit_s=300.0,  # recovery after a crash reads all of the log since the last checkpoint
        stop_limit_s=60.0,  # the checkpoint of a shutdown writes all of shared_buffers
    )


def is_ready(folder: Path, pid: int) -> bool:
    """Line 1 of postmaster.pid is this process and line 8 says ready (PostgreSQL's miscinit.c)."""
    lines = (folder / "postmaster.pid").read_text().splitlines()
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def url(data: DataDir, role: str, folder: Path, port: int) -> str:
    """A URL for this role: by the Unix socket when its path is short enough, else by loopback."""
    login = f"{role}:{quote(data.secret(f'{role}.password', create=False), safe='')}"
    if len(f"{folder}/.s.PGSQL.{port}".encode()) <= SOCKET_PATH_BYTES:
        return f"postgresql://{login}@/eucora?host={quote(str(folder), safe='')}&port={port}"
    return f"postgresql://{login}@127.0.0.1:{port}/eucora?sslmode=disable"


def _initialise(data: DataDir, bindir: Path, folder: Path) -> None:
    passwords = {role: data.secret(f"{role}.password") for role in (SUPERUSER, *ROLES)}
    locale = ("--locale=C.UTF-8", "--locale-provider=builtin")
    options = ("-U", SUPERUSER, "-E", "UTF8", "--data-checksums", "--no-instructions", "--auth=reject")
    _run(data, folder, (bindir / "initdb", "-D", HERE, *options, *locale))
    statements = (
        f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords[SUPERUSER]}'",
        *(f"CREATE ROLE {role} LOGIN PASSWORD '{passwords[role]}'" for role in ROLES),
        f"CREATE DATABASE eucora OWNER {OWNER}",
        "REVOKE CONNECT, TEMPORARY ON DATABASE eucora FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE eucora TO {APP}, {KEYS}",
    )
    _run(data, folder, (bindir / "postgres", "--single", "-D", HERE, SUPERUSER), "\n".join(statements) + "\n")
    (folder / "pg_hba.conf").write_text(WHO_MAY_CONNECT)


def _drop_locks_of_the_dead(place: Path) -> None:
    """PostgreSQL asks kill(2) whether the process in postmaster.pid lives, and takes a killed one that nobody reaped
    (as in containers without an init) for running: it would never start again."""
    for lock in (place / "postmaster.pid", *place.glob(".s.PGSQL.*.lock")):
        first = lock.read_text().partition("\n")[0] if lock.exists() else ""
        if first.isdigit() and has_ended(int(first)):
            lock.unlink()


def _run(data: DataDir, folder: Path, argv: tuple[Path | str, ...], stdin: str = "") -> None:
    """Run a tool of PostgreSQL inside the folder; it says its faults on stderr, single-user mode with status 0."""
    done = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        text=True,
        cwd=folder,
        env=plain_environment(),
        check=False,
        user=data.account.user,
        group=data.account.group,
        extra_groups=data.account.extra_groups,
    )
    faults = re.findall(r"(?:ERROR|FATAL|PANIC|error): +(.*)", done.stderr)
    if done.returncode or faults:
        said = faults[-1] if faults else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EmbeddedError(f"a database can't be made in {data.path}: {said}")


def _major(bindir: Path) -> int:
    try:
        said = subprocess.run([bindir / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as exc:
        raise EmbeddedError(f"{bindir / 'postgres'} does not run: {exc}") from exc
    return int(re.findall(r"\d+", said)[0])


def _check_version(place: Path, ours: int) -> None:
    try:
        theirs = (place / "PG_VERSION").read_text().strip()
    except OSError as exc:
        raise EmbeddedError(
            f"{place} is damaged (no PG_VERSION): restore it from your backup, or move it away to begin anew"
        ) from exc
    if not theirs.isdigit():
        raise EmbeddedError(
            f"{place} is damaged (PG_VERSION is unreadable): restore it from your backup, or move it away to begin anew"
        )
    if int(theirs) != ours:
        raise EmbeddedError(
            f"{place} was written by PostgreSQL {theirs}, this is {ours}: dump it with the old version and restore it "
            "here, or use pg_upgrade; nothing was touched"
        )
