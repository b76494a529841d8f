import asyncio
from pathlib import Path

import asyncpg
import pytest

from eucora.migrations.migrate import MIGRATIONS, MigrationFailed, migrate


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    finally:
        await connection.close()


async def test_what_is_pending_is_applied_once_and_named(database, tmp_path: Path) -> None:
    for file in MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    assert await migrate(database.owner_url, tmp_path) == []
    (tmp_path / "9001_more.sql").write_text("-- migrate:up\nCREATE TABLE more (n int);\n-- migrate:down\n")
    assert await migrate(database.owner_url, tmp_path) == ["9001_more.sql"]
    assert await migrate(database.owner_url, tmp_path) == []
    assert "more" in await tables(database.owner_url)


async def test_two_at_once_apply_it_once(database, tmp_path: Path) -> None:
    (tmp_path / "9001_more.sql").write_text("-- migrate:up\nCREATE TABLE more (n int);\n-- migrate:down\n")
    both = await asyncio.gather(migrate(database.owner_url, tmp_path), migrate(database.owner_url, tmp_path))
    assert sorted(both) == [[], ["9001_more.sql"]]


async def test_a_migration_that_fails_is_named_and_leaves_nothing_behind(database, tmp_path: Path) -> None:
    (tmp_path / "9001_bad.sql").write_text("-- migrate:up\nCREATE TABLE half (n int);\nSELECT 1/0;\n-- migrate:down\n")
    with pytest.raises(MigrationFailed, match=r"9001_bad\.sql: .*division by zero"):
        await migrate(database.owner_url, tmp_path)
    assert "half" not in await tables(database.owner_url)


async def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://eucora_owner:hush@127.0.0.1:1/eucora?sslmode=disable"
    with pytest.raises(MigrationFailed) as told:
        await migrate(url, tmp_path)
    assert "refused" in str(told.value)
    assert "hush" not in str(told.value)
