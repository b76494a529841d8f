"""Real servers for all tests: started once a session, and a fresh migrated database a test.

With EUCORA_POSTGRES_URL (and _OWNER_URL, _KEYS_URL) set, that PostgreSQL is used; its owner needs CREATEDB and
pg_signal_backend.
"""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest
from tests.in_memory import fast_folder

from eucora.embedded.start import ALL, start_embedded
from eucora.migrations.migrate import migrate
from eucora.stores.ports import S3Endpoint


class Servers(msgspec.Struct, frozen=True):
    """Where the servers of this session are."""

    postgres_url: str
    postgres_owner_url: str
    postgres_keys_url: str
    redis_url: str
    s3: S3Endpoint


class Database(msgspec.Struct, frozen=True):
    """A migrated database of one test, as each role sees it."""

    app_url: str
    owner_url: str
    keys_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL, Valkey and S3, running."""
    external = os.environ.get("EUCORA_POSTGRES_URL")
    folder = Path(tempfile.mkdtemp(prefix="eucora-", dir=fast_folder()))
    embedded = start_embedded(folder / "data", ALL - {"postgres"} if external else ALL, lambda name, what: None)
    try:
        if not external:
            superuser = at_role(embedded.postgres_owner_url, "postgres", embedded.data.secret("postgres.password"))
            asyncio.run(_run(superuser, "ALTER ROLE eucora_owner CREATEDB; GRANT pg_signal_backend TO eucora_owner"))
        assert embedded.s3 is not None
        yield Servers(
            external or embedded.postgres_url,
            os.environ.get("EUCORA_POSTGRES_OWNER_URL") or embedded.postgres_owner_url,
            os.environ.get("EUCORA_POSTGRES_KEYS_URL") or embedded.postgres_keys_url,
            embedded.redis_url,
            embedded.s3,
        )
    finally:
        embedded.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(servers: Servers) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"t_template_{uuid.uuid4().hex[:12]}"
    asyncio.run(_run(servers.postgres_owner_url, f"CREATE DATABASE {name}"))
    asyncio.run(migrate(at_database(servers.postgres_owner_url, name)))
    yield name
    asyncio.run(_run(servers.postgres_owner_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(servers: Servers, template: str) -> AsyncIterator[Database]:
    """A migrated database of its own for this test, gone afterwards."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    await _run(servers.postgres_owner_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield Database(
        at_database(servers.postgres_url, name),
        at_database(servers.postgres_owner_url, name),
        at_database(servers.postgres_keys_url, name),
    )
    await _run(servers.postgres_owner_url, f"DROP DATABASE {name} WITH (FORCE)")


def at_database(url: str, name: str) -> str:
    """The same URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def at_role(url: str, role: str, password: str) -> str:
    """The same URL with another login."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}"))


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
