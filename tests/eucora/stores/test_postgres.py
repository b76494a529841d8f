"""Connections, and whose fault a failure is."""

import asyncio

import asyncpg
import pytest

from eucora.problems import Misconfigured, TryLater
from eucora.stores.postgres import cut_off, open_pool, translated

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eucora-tests'"


async def test_a_wrong_password_or_database_is_said_at_once(database):
    for url in (database.app_url.replace("/t_", "/nowhere_"), _with_password(database.app_url, "wrong")):
        with pytest.raises(Misconfigured, match="EUCORA_POSTGRES"):
            await open_pool(url, name="tests")


def _with_password(url: str, password: str) -> str:
    login, at, rest = url.partition("@")
    return f"{login.rpartition(':')[0]}:{password}{at}{rest}"


async def test_a_server_that_is_away_is_a_matter_of_time(tmp_path):
    for url in ("postgresql://nobody@127.0.0.1:1/x?sslmode=disable", f"postgresql://nobody@/x?host={tmp_path}&port=5"):
        with pytest.raises(TryLater):
            await open_pool(url, name="tests")


async def test_a_session_that_is_cut_is_a_matter_of_time_and_the_pool_mends(database):
    pool = await open_pool(database.app_url, name="tests", most=1)
    killer = await asyncpg.connect(database.app_url)
    for _ in range(10):
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eucora-tests'"
        )
        try:
            with translated():
                await pool.fetchval("SELECT 1")
        except TryLater:
            continue
        await asyncio.sleep(0.05)
    assert await pool.fetchval("SELECT 1") == 1
    await killer.close()
    await pool.close()


async def test_what_a_statement_did_wrong_stays_what_it_is(database):
    pool = await open_pool(database.app_url, name="tests")
    for statement, arguments in (("SELECT 1/0", ()), ("SELECT $1::int", ("x",)), ("SELECT nothing", ())):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)), translated():
            await pool.fetch(statement, *arguments)
    await pool.close()


async def test_a_transaction_left_open_is_undone_and_its_locks_given_back(database):
    """A process that was stopped in the middle of a transaction loses it."""
    pool = await open_pool(database.app_url, name="tests", most=2)
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "20s"
    async with pool.acquire() as stopped:
        await stopped.execute("SET idle_in_transaction_session_timeout = '50ms'")
        await stopped.execute("BEGIN")
        await stopped.execute("SELECT pg_advisory_xact_lock(1)")
        await asyncio.sleep(0.3)
        assert await pool.fetchval("SELECT pg_try_advisory_lock(1)")
        with pytest.raises(TryLater), translated():
            await stopped.execute("SELECT 1")
    await pool.close()


async def test_who_sleeps_in_the_middle_of_a_copy_is_cut_off_and_who_is_at_work_is_not(database):
    pool = await open_pool(database.app_url, name="tests", most=3)
    awake, asleep = asyncio.Event(), asyncio.Event()

    async def rows():
        yield b"1\n"
        asleep.set()
        await awake.wait()

    async with pool.acquire() as stopped, pool.acquire() as working:
        await stopped.execute("CREATE TEMPORARY TABLE copied (n bigint)")
        await stopped.execute("BEGIN")
        await stopped.execute("SELECT pg_advisory_xact_lock(1)")
        copy = asyncio.create_task(stopped.copy_to_table("copied", source=rows()))
        work = asyncio.create_task(working.fetchval("SELECT pg_sleep(1)::text"))
        await asyncio.wait_for(asleep.wait(), 10)
        await asyncio.sleep(0.3)
        assert await cut_off(pool) == 0
        assert await cut_off(pool, asleep_s=0.2) == 1
        await asyncio.sleep(0.1)
        assert await pool.fetchval("SELECT pg_try_advisory_lock(1)")
        assert await work == ""
        awake.set()
        with pytest.raises(TryLater), translated():
            await copy
    await pool.close()
