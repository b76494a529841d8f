"""What is PostgreSQL's own of the journal: plans that must not turn into scans, and what a commit may cost."""

from datetime import UTC, datetime

import pytest
from tests.conformance.journal.place import SHARDS, Place

from eucora.journal.postgres import SQL, PostgresJournal
from eucora.slice import Pool
from eucora.stores.postgres import open_pool

FILLED = """
INSERT INTO journal_entries (shard, lane, position, epoch, received, device, stream, stream_number, sequence,
                             first_item, last_item, keyid, signed, signature, digest)
SELECT 0, 0, n, 1, clock_timestamp(), gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 1, '', '', '', ''
  FROM generate_series(1, 2000) AS n
"""


async def plan(pool: Pool, statement: str, *arguments: str) -> str:
    """The plan that is kept for every later call, whatever the tables hold by then."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        names = ", ".join(kind.name for kind in (await connection.prepare(statement)).get_parameters())
        await connection.execute(f"PREPARE kept ({names}) AS {statement}")
        literals = ", ".join(f"'{argument}'" for argument in arguments)
        rows = await connection.fetch(f"EXPLAIN EXECUTE kept ({literals})")
        await connection.execute("DEALLOCATE kept")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("filled", [False, True])
async def test_a_read_goes_by_the_index_though_it_was_planned_over_an_empty_partition(place: Place, filled):
    if filled:
        await place.app.execute(FILLED)
    found = await plan(place.app, SQL.read, "{0}", "{0}", "{5}", "{9}", "{2020-01-01}", "1000")
    assert "Seq Scan" not in found
    assert found.count("Index Scan") >= 1


async def test_what_a_commit_looks_up_goes_by_the_index(place: Place):
    nobody = "{00000000-0000-0000-0000-000000000000}"
    for statement, arguments in (
        (SQL.look_up, (nobody, "{k}", "{1}")),
        (SQL.siblings, (nobody,)),
        (SQL.used, (nobody, "{1}")),
        (SQL.lock_shards, ("{0}",)),
    ):
        assert "Seq Scan" not in await plan(place.app, statement, *arguments)


async def test_what_was_read_lets_older_partitions_be_left_out(place: Place):
    """The journal remembers when what it read last was received; positions and times rise together."""
    device = await place.device()
    await place.journal.append(device.chain(3))
    where = (device.id.int % SHARDS, 0)
    entries = await place.journal.read({where: 0}, 2)
    assert place.journal._received_by(where, 2) == entries[-1].received
    assert place.journal._received_by(where, 1) == datetime(1970, 1, 1, tzinfo=UTC)
    assert [e.sequence for e in await place.journal.read({where: 1}, 9)] == [2, 3]


async def test_a_session_commits_with_fsync_whatever_the_server_s_file_says(place: Place):
    assert await place.app.fetchval("SHOW synchronous_commit") == "on"


async def test_a_group_costs_the_same_statements_however_many_batches_it_holds(place: Place, database):
    devices = [await place.device() for _ in range(40)]
    pool = await open_pool(database.app_url, name="counted", most=1)
    said: list[str] = []
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda record: said.append(record.query))
    journal = PostgresJournal(pool, place.keyring, epoch=1, shards=SHARDS)
    await journal.append([device.seal() for device in devices])
    counts = []
    for size in (1, 40):
        said.clear()
        await journal.append([device.seal() for device in devices[:size]])
        counts.append(len(said))
    await pool.close()
    assert counts[0] == counts[1] <= 6
