"""Run a command with EUCORA_POSTGRES_*URL set to a Debian PostgreSQL 15 of its own, gone afterwards.

    python tests/live/postgres15.py -- python -m pytest tests/eucora

Without a command it prints the URLs and waits for Ctrl-C. EUCORA_TEST_PG_BINDIR names another build or version.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from eucora.embedded import postgres
from eucora.embedded.start import Embedded, start_embedded
from eucora.problems import EucoraError

BINDIR = Path(os.environ.get("EUCORA_TEST_PG_BINDIR", "/usr/lib/postgresql/15/bin"))
VARIABLES = {postgres.APP: "POSTGRES_URL", postgres.OWNER: "POSTGRES_OWNER_URL", postgres.KEYS: "POSTGRES_KEYS_URL"}


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """The server for as long as the block, as the three variables that name it, by TCP."""
    if not (BINDIR / "postgres").exists():
        raise EucoraError(f"there is no PostgreSQL in {BINDIR}: apt-get install postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="eucora-"))
    server = start_embedded(folder, frozenset({"postgres"}), lambda name, what: None, BINDIR)
    try:
        asyncio.run(_let_the_owner_make_databases(_url(server, postgres.SUPERUSER)))
        yield {f"EUCORA_{variable}": _url(server, role) for role, variable in VARIABLES.items()}
    finally:
        server.stop()
        shutil.rmtree(folder)


def _url(server: Embedded, role: str) -> str:
    port = (server.data.path / "postgres" / "postmaster.pid").read_text().splitlines()[3]
    password = server.data.secret(f"{role}.password", create=False)
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/eucora?sslmode=disable"


async def _let_the_owner_make_databases(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER ROLE {postgres.OWNER} CREATEDB")
    await connection.close()


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
