"""What is the matter is said within seconds, with what is safe, what mends itself and what to type."""

import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.eucora.operators.conftest import Plane, PlantDevice

from eucora.domains.audit import Act, record
from eucora.gateway.authority import ensure_authority
from eucora.operators.counts import Counts
from eucora.operators.doctor import examine, machine
from eucora.operators.troubles import PARTS as WATCHED
from eucora.operators.troubles import TOLD, waiting
from eucora.pipeline.followers import State
from eucora.stores.ports import S3Endpoint
from eucora.stores.redis import RedisCache
from eucora.stores.s3 import S3Objects

NOW = datetime.now(UTC)


@pytest.fixture
async def well(plane: Plane) -> Plane:
    """A platform of which nothing is the matter."""
    ensure_authority(plane.house.settings.data_dir, "localhost")
    later = datetime.now(UTC) + timedelta(minutes=5)
    await plane.house.pool.execute("UPDATE cursors SET lease = gen_random_uuid(), leased_until = $1", later)
    await plane.house.pool.execute("SELECT keep_partitions(now()::date)")
    assert await matter(plane) == {}
    return plane


async def matter(plane: Plane) -> dict[str, dict[str, Any]]:
    began = time.monotonic()
    found = (await plane.get("/status"))["troubles"]
    assert time.monotonic() - began < 10
    assert all(each["what"] and each["safe"] and each["do"] for each in found)
    return {each["name"]: each for each in found}


async def test_stores_that_are_away_are_named_with_what_is_safe(well: Plane) -> None:
    away = S3Objects(S3Endpoint("http://127.0.0.1:1", "key", "hush"), "eucora-data")
    well.reassemble(objects=away, cache=RedisCache("redis://127.0.0.1:1"))
    found = await matter(well)
    assert set(found) == {"object-store-away", "cache-away"}
    assert "committed to the journal" in found["object-store-away"]["safe"]
    assert "starts an embedded one again" in found["cache-away"]["itself"]
    await away.close()


async def test_a_digest_that_stands_a_lag_and_dead_letters_are_named(well: Plane) -> None:
    pool = well.house.pool
    await pool.execute("UPDATE cursors SET lease = NULL, leased_until = NULL")
    await pool.execute("UPDATE journal_shards SET live = 9, received = now()")
    await pool.execute("UPDATE cursors SET position = 5, received = now() - interval '20 minutes' WHERE lane = 0")
    await pool.execute(
        "INSERT INTO dead_letters (id, stream, stream_number, ordinal, device, shard, lane, position, received, reason)"
        " VALUES ($1, $1, 1, 1, $1, 0, 0, 1, now(), 'schema')",
        uuid.uuid4(),
    )
    found = await matter(well)
    assert set(found) == {"nobody-digests", "lag", "dead-letters"}
    assert "1200 s" in found["lag"]["what"]
    assert "eucora deadletters" in found["dead-letters"]["do"]


async def test_a_clock_that_was_set_back_is_named(well: Plane) -> None:
    await well.house.pool.execute("UPDATE journal_shards SET received = now() + interval '1 hour'")
    found = await matter(well)
    assert set(found) == {"clock-wrong"}
    assert "Times of arrival stand still" in found["clock-wrong"]["itself"]


async def test_a_full_disk_and_a_certificate_near_its_end_are_named(
    well: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = msgspec.structs.replace(well.house.settings, disk_reserve_mib=2**40)
    well.reassemble(settings=huge)
    monkeypatch.setattr("eucora.operators.doctor.NEAR", timedelta(days=365 * 100))
    found = await matter(well)
    assert set(found) == {"disk-full", "certificate-ends"}
    assert "503" in found["disk-full"]["safe"]


async def test_devices_that_fell_silent_and_batches_that_were_turned_away_are_named(
    well: Plane, plant: PlantDevice
) -> None:
    laptop, pool = await plant(), well.house.pool
    await pool.execute(
        "INSERT INTO journal_heads"
        " (stream, device, number, last_sequence, last_digest, gaps, last_item, joins, fork, received)"
        " VALUES ($1, $2, 1, 1, '', '[]', 1, 'first', false, now() - interval '2 hours')",
        uuid.uuid4(),
        laptop.device_id,
    )
    act = Act(act="batch.refused", audit_class="refusal", actor_kind="device", actor=str(laptop.device_id),
              outcome="refused", detail={"reason": "revoked-device", "count": 3})  # fmt: skip
    simulated = msgspec.structs.replace(act, detail={"reason": "digest-mismatch", "count": 5, "simulated": True})
    async with pool.acquire() as tx, tx.transaction():
        await record(tx, datetime.now(UTC), [act, simulated])
    well.reassemble(counts=Counts())  # the fleet is counted once in some seconds
    found = await matter(well)
    assert set(found) == {"devices-silent", "refused-revoked-device"}
    assert "1 device not heard of" in found["devices-silent"]["what"]
    assert "3 batches" in found["refused-revoked-device"]["what"]


async def test_a_device_that_was_never_heard_of_is_silent_a_quarter_of_an_hour_after_it_was_enrolled(
    well: Plane, plant: PlantDevice
) -> None:
    laptop = await plant()
    await well.house.pool.execute("UPDATE devices SET enrolled_at = now() - interval '14 minutes'")
    well.reassemble(counts=Counts())
    assert await matter(well) == {}
    await well.house.pool.execute("UPDATE devices SET enrolled_at = now() - interval '16 minutes'")
    well.reassemble(counts=Counts())
    assert set(await matter(well)) == {"devices-silent"}
    assert (await well.get(f"/devices/{laptop.device_id}"))["standing"] == "silent"


def state(**changes: Any) -> State:
    given: dict[str, Any] = {
        "follower": "loki", "running": True, "waiting": 7, "behind_s": 1.0, "told": 1, "rate_per_s": 1.0, "merged": 0,
        "clamped": 0, "retries": 0, "told_at": NOW, "last_error": "the logs server does not answer", "last_error_at": NOW,
        "retry_at": None, "paused_at": None, "again": 0, "forgetting": 0, "refused": (),
    }  # fmt: skip
    return State(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, []),
        ({"retry_at": NOW}, ["store-away"]),
        ({"paused_at": NOW}, ["store-paused"]),
        ({"behind_s": 900.0}, ["store-behind"]),
    ],
)
def test_a_server_that_can_not_follow_is_named_and_one_that_can_is_not(
    changes: dict[str, Any], name: list[str]
) -> None:
    assert [each.name for each in waiting([state(**changes)], {"loki"})] == name
    assert waiting([state(**changes)], set()) == [], "the settings name it no more"


def test_every_trouble_says_what_is_safe() -> None:
    assert all(words.name and words.safe for words in TOLD.values())


RUNBOOKS = Path(__file__).parents[3] / "docs" / "guides" / "runbooks.md"


def test_every_trouble_has_a_runbook() -> None:
    headings = set(re.findall(r"(?m)^## (\S+)$", RUNBOOKS.read_text(encoding="utf-8")))
    others = {
        "platform-away",
        "database-away",
        "devices-silent",
        "clock-jumped",
        "items-missing",
        "state-drift",
        "store-away",
        "store-paused",
        "store-behind",
        "refused",
    }
    assert {words.name for words in TOLD.values()} | others == headings


PARTS = [part.partition("\n")[::2] for part in RUNBOOKS.read_text(encoding="utf-8").split("\n## ")[1:]]


@pytest.mark.parametrize(("name", "text"), PARTS, ids=[name for name, _ in PARTS])
def test_a_runbook_says_what_it_means_what_is_safe_what_mends_itself_and_what_to_type(name: str, text: str) -> None:
    meaning, *points = re.split(r"\n- (?=\*\*)", text.strip())
    assert meaning.strip().endswith(".")
    said = dict(re.findall(r"\*\*(.+?):\*\* (.+)", "\n".join(" ".join(point.split()) for point in points)))
    assert list(said) == ["Safe", "Mends itself", "Do"]
    assert "`" in said["Do"], "something to type, or a file to look at"


async def test_whatever_the_doctor_may_find_at_once_has_words_of_its_own(well: Plane, tmp_path: Path) -> None:
    """Else it would be called safe in words that were written for something else."""
    found = {(told.part, each.name) for told in await examine(well.house, NOW, WATCHED) for each in told.findings}
    nowhere = msgspec.structs.replace(well.house.settings, data_dir=tmp_path / "nowhere")
    bare = msgspec.structs.replace(well.house.settings, data_dir=tmp_path)
    found |= {("machine", each.name) for given in (nowhere, bare) for each in machine(given, NOW)}
    assert len(found) > 18
    assert found - TOLD.keys() == set()


async def test_a_database_that_may_lose_what_it_said_is_not_called_safe(well: Plane) -> None:
    unsafe = TOLD["postgresql", "fsync"]
    assert unsafe.name == "not-durable"
    assert "power cut" in unsafe.safe
