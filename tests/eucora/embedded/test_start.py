"""Start, stop, kill: the three servers as `eucora up` runs them."""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio
from redis.exceptions import RedisError

import eucora
from eucora.embedded.account import Account, can_reach, give, myself, servers_account
from eucora.embedded.problems import EmbeddedError
from eucora.embedded.start import ALL, Embedded, start_embedded
from eucora.problems import TryLater
from eucora.stores.s3 import S3Objects

POSTGRES = frozenset({"postgres"})
PASSING = (OSError, RedisError, TryLater, asyncpg.PostgresError, asyncpg.InterfaceError)


def nothing(name: str, what: str) -> None:
    """Nobody watches."""


async def soon(ask: Callable[[], Awaitable[object]], limit_s: float = 40.0) -> object:
    """The answer, as soon as there is one. An S3 server that is killed right after its first start ever takes 15 s."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return await ask()
        except PASSING:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


async def in_postgres(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def ping(url: str) -> object:
    async with redis.asyncio.from_url(url) as client:
        return await client.ping()


async def in_s3(running: Embedded, key: str, body: bytes | None = None) -> bytes | None:
    assert running.s3 is not None
    bucket = S3Objects(running.s3, "eucora-data")
    try:
        if body is not None:
            await bucket.put(key, body)
        return await bucket.get(key)
    finally:
        await bucket.close()


async def test_a_restart_keeps_the_data_and_the_ports(folder: Path) -> None:
    told: list[tuple[str, str]] = []
    running = start_embedded(folder, ALL, lambda *what: told.append(what))
    try:
        assert {name for name, what in told if what == "starting"} == ALL
        assert {name for name, what in told if what.startswith("ready in ")} == ALL
        await in_postgres(running.postgres_owner_url, "CREATE TABLE kept AS SELECT 42 AS n")
        await in_s3(running, "kept", b"body")
        before = (running.postgres_url, running.redis_url, running.s3)
    finally:
        running.stop()
    assert "database system is shut down" in (folder / "logs" / "postgres.log").read_text()
    again = start_embedded(folder, ALL, nothing)
    try:
        assert (again.postgres_url, again.redis_url, again.s3) == before
        assert await in_postgres(again.postgres_owner_url, "SELECT n FROM kept") == 42
        assert await in_s3(again, "kept") == b"body"
    finally:
        again.stop()


async def test_a_postgres_that_is_killed_comes_back_with_its_data(embedded: Embedded) -> None:
    await in_postgres(embedded.postgres_owner_url, "CREATE TABLE survivor AS SELECT 1 AS n")
    kill(embedded, "postgres")
    assert await soon(lambda: in_postgres(embedded.postgres_owner_url, "SELECT n FROM survivor")) == 1


async def test_a_valkey_that_is_killed_comes_back(embedded: Embedded) -> None:
    kill(embedded, "valkey")
    assert await soon(lambda: ping(embedded.redis_url)) is True


async def test_an_s3_server_that_is_killed_comes_back_with_its_data(embedded: Embedded) -> None:
    await in_s3(embedded, "survivor", b"body")
    kill(embedded, "s3")
    assert await soon(lambda: in_s3(embedded, "survivor")) == b"body"
    assert await soon(lambda: in_s3(embedded, "next", b"more")) == b"more"


async def test_the_roles_are_who_they_should_be(embedded: Embedded) -> None:
    rows = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND {}"
    everyday = embedded.postgres_url
    assert await in_postgres(everyday, rows.format("true")) == "eucora_app eucora_keys eucora_owner postgres"
    assert await in_postgres(everyday, rows.format("rolsuper OR rolcreatedb OR rolcreaterole")) == "postgres"
    for url, role in (
        (embedded.postgres_url, "eucora_app"),
        (embedded.postgres_owner_url, "eucora_owner"),
        (embedded.postgres_keys_url, "eucora_keys"),
    ):
        assert await in_postgres(url, "SELECT current_user || '@' || current_database()") == f"{role}@eucora"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await in_postgres(everyday, "CREATE TABLE mine (n int)")


async def test_commits_are_durable_and_errors_tell_no_values_to_the_log(embedded: Embedded) -> None:
    assert await in_postgres(embedded.postgres_url, "SHOW fsync") == "on"
    assert await in_postgres(embedded.postgres_url, "SHOW synchronous_commit") == "on"
    assert await in_postgres(embedded.postgres_url, "SHOW data_checksums") == "on"
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await in_postgres(embedded.postgres_url, "SELECT 'planted-name'::int")
    assert "planted-name" not in (embedded.data.path / "logs" / "postgres.log").read_text()


def test_every_server_listens_on_loopback_only(embedded: Embedded) -> None:
    for child in embedded.servers.values():
        for address in listening(child.pid):
            assert address in ("0100007F", "00000000000000000000000001000000"), child.program.name


async def test_without_its_password_nobody_gets_in(embedded: Embedded) -> None:
    port = urlsplit(embedded.redis_url).port
    with pytest.raises(RedisError):
        await ping(f"redis://127.0.0.1:{port}/0")
    for host in ("127.0.0.1", str(embedded.data.path / "postgres")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host=host, port=postgres_port(embedded), user="postgres", password="guess")


def test_no_secret_stands_on_a_command_line(embedded: Embedded) -> None:
    secrets = [file.read_text() for file in (embedded.data.path / "secrets").iterdir()]
    for child in embedded.servers.values():
        told = Path(f"/proc/{child.pid}/cmdline").read_text()
        assert not any(secret in told for secret in secrets), child.program.name


# Becomes somebody else once everything is imported: an interpreter may lie where only root can read.
PARENT = """
import encodings.idna, os, pathlib, sys, sysconfig
from eucora.embedded.start import ALL, start_embedded
sysconfig.get_config_vars()
uid, gid = int(sys.argv[2]), int(sys.argv[3])
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
running = start_embedded(pathlib.Path(sys.argv[1]), ALL, lambda *what: None)
print(*(child.pid for child in running.servers.values()), flush=True)
sys.stdin.read()
running.stop()
"""


def somebody() -> Account:
    """An ordinary user: oneself, or for root `nobody`, where that one can reach what is installed."""
    entry = pwd.getpwnam("nobody")
    nobody = Account(entry.pw_uid, entry.pw_gid)
    return nobody if os.geteuid() == 0 and can_reach(nobody, Path(eucora.__file__)) else myself()


@pytest.mark.parametrize("who", [myself, somebody], ids=["as oneself", "as an ordinary user"])
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
def test_a_parent_leaves_no_orphan_whoever_it_is(folder: Path, who: Callable[[], Account], killed: bool) -> None:
    account = who()
    data = give(account, folder, 0o700) / "data"
    words = (sys.executable, "-c", PARENT, str(data), str(account.uid), str(account.gid))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 3
        servers = {Path(f"/proc/{pid}").stat().st_uid for pid in children}
        assert servers == {servers_account().uid if account.uid == 0 else account.uid}
        assert 0 not in servers
        if killed:
            parent.kill()
    until = time.monotonic() + 5
    while any(alive(pid) for pid in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in children if alive(pid)] == []


def test_started_twice_is_one_clear_sentence(embedded: Embedded) -> None:
    with pytest.raises(EmbeddedError, match=rf"already running as pid {os.getpid()} .*eucora down or set EUCORA_DATA_"):
        start_embedded(embedded.data.path, POSTGRES, nothing)


async def test_a_port_that_was_taken_meanwhile_is_replaced(folder: Path) -> None:
    first = start_embedded(folder, POSTGRES, nothing)
    taken = postgres_port(first)
    first.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", taken))
        squatter.listen()
        second = start_embedded(folder, POSTGRES, nothing)
        try:
            assert postgres_port(second) != taken
            assert await in_postgres(second.postgres_url, "SELECT 1") == 1
        finally:
            second.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a cluster that was stopped cleanly."""
    path = tmp_path_factory.mktemp("cluster")
    start_embedded(path, POSTGRES, nothing).stop()
    return path


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda place: (place / "PG_VERSION").unlink(), r"damaged \(no PG_VERSION\): restore it from your backup"),
        (lambda place: (place / "PG_VERSION").write_text("?"), r"damaged \(PG_VERSION is unreadable\): restore it"),
        (lambda place: (place / "PG_VERSION").write_text("15\n"), r"PostgreSQL 15, this is 18: .*nothing was touched"),
        (
            lambda place: (place / "global" / "pg_control").unlink(),
            r"postgres does not start .*pg_control.*restore it from your b",
        ),
        (
            lambda place: (place / "postgresql.conf").write_text("?"),
            r"postgres does not start .*FATAL: +configuration file .*postgresql\.conf",
        ),
    ],
    ids=["no version", "unreadable version", "other major", "no control file", "unreadable settings"],
)
def test_a_folder_that_postgres_can_not_use_is_told_with_the_mend(
    folder: Path, cluster: Path, harm: Callable[[Path], object], told: str
) -> None:
    subprocess.run(["cp", "-a", f"{cluster}/.", folder], check=True)
    harm(folder / "postgres")
    with pytest.raises(EmbeddedError, match=told):
        start_embedded(folder, POSTGRES, nothing)
    start_embedded(folder, frozenset(), nothing).stop()  # it was let go of


async def test_a_cluster_whose_making_was_killed_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    running = start_embedded(folder, POSTGRES, nothing)
    try:
        assert await in_postgres(running.postgres_url, "SELECT 1") == 1
    finally:
        running.stop()


async def test_a_folder_too_deep_for_a_socket_is_reached_by_loopback(folder: Path) -> None:
    running = start_embedded(folder / ("d" * 100), POSTGRES, nothing)
    try:
        assert urlsplit(running.postgres_url).hostname == "127.0.0.1"
        assert await in_postgres(running.postgres_url, "SELECT 1") == 1
    finally:
        running.stop()


async def test_a_folder_that_only_its_owner_can_enter_will_do(folder: Path) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    running = start_embedded(closed / "data", ALL, nothing)
    try:
        assert await in_postgres(running.postgres_url, "SELECT 1") == 1
        assert await in_s3(running, "key", b"body") == b"body"
    finally:
        running.stop()


def kill(running: Embedded, name: str) -> None:
    pid = running.servers[name].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def postgres_port(running: Embedded) -> int:
    return int((running.data.path / "postgres" / "postmaster.pid").read_text().splitlines()[3])


def listening(pid: int | None) -> list[str]:
    """The addresses, in the kernel's hexadecimal, on which a process listens."""
    sockets = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
