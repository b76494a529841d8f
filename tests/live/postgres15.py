"""Run a command with EUCORA_POSTGRES_*URL set to a Debian PostgreSQL 15 of its own, gone afterwards.

    python -m tests.live.postgres15 -- python -m pytest tests/eucora

Its roles and its database are made by the statements of the guide, as an operator makes them. Without a command it
prints the URLs and waits for Ctrl-C. EUCORA_TEST_PG_BINDIR names another build or version.
"""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
from tests.in_memory import fast_folder

from eucora.embedded.account import Account, give, servers_account
from eucora.embedded.ports import LOWEST, is_free
from eucora.embedded.postgres import is_ready
from eucora.embedded.supervise import Child, Program, plain_environment
from eucora.problems import EucoraError

BINDIR = Path(os.environ.get("EUCORA_TEST_PG_BINDIR", "/usr/lib/postgresql/15/bin"))
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "own-servers.md"
ROLES = {"POSTGRES_URL": "eucora_app", "POSTGRES_OWNER_URL": "eucora_owner", "POSTGRES_KEYS_URL": "eucora_keys"}
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=")


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """The server for as long as the block, as the three variables that name it, by TCP."""
    if not (BINDIR / "postgres").exists():
        raise EucoraError(f"there is no PostgreSQL in {BINDIR}: apt-get install postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="eucora-pg15-", dir=fast_folder()))
    password, port = secrets.token_hex(16), next(port for port in range(LOWEST, 2**15) if is_free(port))
    try:
        server = Child(_server(folder, password, port), lambda name, what: None)
        server.start()
        try:
            server.wait_ready()
            asyncio.run(_as_the_guide_says(_url("postgres", password, port, "postgres"), password))
            yield {f"EUCORA_{variable}": _url(role, password, port) for variable, role in ROLES.items()}
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _server(folder: Path, password: str, port: int) -> Program:
    """A new cluster, and the program that serves it."""
    account = servers_account()
    data, secret = folder / "data", folder / "password"
    folder.chmod(0o755)  # its account walks through: before 16 PostgreSQL returns by path to where it was started
    data.mkdir()
    secret.write_text(password)
    give(account, data, 0o700)
    give(account, secret, 0o400)
    _initialise(account, data, secret)
    settings = [word for setting in (*SETTINGS, f"port={port}") for word in ("-c", setting)]
    return Program(
        name="postgresql-15",
        argv=(str(BINDIR / "postgres"), "-D", str(data), *settings),
        log=folder / "log",
        ready=lambda pid: is_ready(data, pid),
        account=account,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
    )


def _initialise(account: Account, data: Path, secret: Path) -> None:
    options = ("-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={secret}")
    done = subprocess.run(
        (BINDIR / "initdb", "-D", data, *options),
        capture_output=True,
        text=True,
        cwd="/",
        env=plain_environment(),
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )
    if done.returncode:
        raise EucoraError(f"initdb fails: {done.stderr.strip()}")


async def _as_the_guide_says(url: str, password: str) -> None:
    (statements,) = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    connection = await asyncpg.connect(url)
    for statement in filter(str.strip, statements.replace("…", password).split(";")):
        await connection.execute(statement)
    # For the tests alone: each has a database of its own, and drops it also when a killed client's session is left in it.
    await connection.execute("ALTER ROLE eucora_owner CREATEDB; GRANT pg_signal_backend TO eucora_owner")
    await connection.close()


def _url(role: str, password: str, port: int, database: str = "eucora") -> str:
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}?sslmode=disable"


def main(command: list[str]) -> int:
    try:
        with running() as urls:
            if command:
                return subprocess.run(command, env=os.environ | urls, check=False).returncode
            print(*(f"export {name}='{url}'" for name, url in urls.items()), sep="\n", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
            return 0
    except EucoraError as exc:
        print(exc, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []))
