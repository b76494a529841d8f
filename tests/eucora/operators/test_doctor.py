"""Each thing that is really wrong is named, with its mend, and soon."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.operators.conftest import Plane, connect

from eucora.gateway.authority import ensure_authority
from eucora.operators import doctor
from eucora.settings import Settings
from eucora.stores.ports import S3Endpoint
from eucora.stores.prometheus import Prometheus
from eucora.stores.redis import RedisCache
from eucora.stores.s3 import S3Objects

NOW = datetime.now(UTC)


async def examined(plane: Plane) -> dict[tuple[str, str], dict[str, Any]]:
    began = time.monotonic()
    found = await plane.get("/doctor")
    assert time.monotonic() - began < 10
    return {(told["part"], each["name"]): each for told in found for each in told["findings"]}


def wrong(found: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    assert all(each["mend"] for each in found.values() if each["state"] == "wrong")
    return {key for key, each in found.items() if each["state"] == "wrong"}


@pytest.fixture
async def well(plane: Plane) -> Plane:
    """A platform of which everything is well."""
    ensure_authority(plane.house.settings.data_dir, "localhost")
    later = datetime.now(UTC) + timedelta(minutes=5)
    await plane.house.pool.execute("UPDATE cursors SET lease = gen_random_uuid(), leased_until = $1", later)
    return plane


async def test_where_all_is_well_nothing_is_wrong(well: Plane) -> None:
    found = await examined(well)
    assert wrong(found) == set()
    assert {part for part, _ in found} == {"machine", "postgresql", "line", "s3", "cache", "retention"}


async def test_a_store_that_is_away_is_one_finding_and_the_others_are_asked_all_the_same(well: Plane) -> None:
    away = S3Objects(S3Endpoint("http://127.0.0.1:1", "key", "hush"), "eucora-data")
    follower = Prometheus("http://127.0.0.1:1")
    well.reassemble(cache=RedisCache("redis://127.0.0.1:1"), objects=away, followers=(follower,))
    found = await examined(well)
    assert wrong(found) == {("cache", "answers"), ("s3", "answers"), ("prometheus", "answers")}
    assert "hush" not in str(found)
    await away.close()
    await follower.close()


async def test_a_digest_that_nobody_does_lag_forks_and_dead_letters_are_named(well: Plane) -> None:
    pool = well.house.pool
    await pool.execute("UPDATE cursors SET leased_until = $1", NOW - timedelta(minutes=1))
    await pool.execute("UPDATE journal_shards SET live = 9, received = $1 WHERE shard = 0", NOW)
    await pool.execute("UPDATE cursors SET position = 5, received = $1 WHERE shard = 0", NOW - timedelta(hours=1))
    await pool.execute(
        "INSERT INTO journal_heads (stream, device, number, last_sequence, last_digest, last_item, fork, received)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1, '', 1, true, $1)", NOW,
    )  # fmt: skip
    found = await examined(well)
    assert wrong(found) == {("line", "digest"), ("line", "lag"), ("line", "forks")}
    assert "nothing is lost" in found["line", "digest"]["mend"]


async def test_a_database_whose_clock_or_durability_is_off_is_named(
    well: Plane, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.clock, "now", lambda: datetime.now(UTC) + timedelta(minutes=3))
    owner = await connect(database.owner_url)
    tomorrow = f"journal_entries_{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    await owner.execute(f"DROP TABLE {tomorrow}")
    await owner.close()
    found = await examined(well)
    assert {("postgresql", "clock"), ("postgresql", "partitions")} <= wrong(found)
    assert "chrony" in found["postgresql", "clock"]["mend"]


def made(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "secrets").mkdir(parents=True)
    (data / "secrets" / "wrapping.key").write_bytes(bytes(32))
    (data / "secrets" / "wrapping.key").chmod(0o600)
    ensure_authority(data, "localhost")
    return data


def named(data: Path, now: datetime, **more: Any) -> set[str]:
    return {f.name for f in doctor.machine(Settings(data_dir=data, **more), now) if f.state == "wrong"}


def test_of_this_machine_an_ending_certificate_an_open_secret_and_a_full_disk_are_named(tmp_path: Path) -> None:
    data = made(tmp_path)
    assert named(data, NOW) == set()
    assert named(data, NOW + timedelta(days=390)) == {"server_certificate"}
    free_mib = os.statvfs(data).f_bavail * os.statvfs(data).f_frsize // 2**20
    assert named(data, NOW, disk_reserve_mib=free_mib) == {"disk"}
    (data / "secrets" / "wrapping.key").chmod(0o644)
    assert named(data, NOW) == {"secrets"}
    (data / "secrets" / "wrapping.key").unlink()
    (data / "authority" / "ca.pem").write_text("no certificate")
    assert named(data, NOW) == {"wrapping_key", "authority"}
    assert named(tmp_path / "nowhere", NOW) == {"data_directory"}


@pytest.mark.parametrize(
    ("told", "devices", "state", "said"),
    [
        ("device", 1_000, "well", "about 25,000 series"),
        ("device", 100_000, "wrong", "about 2,500,000 series"),
        ("cohort", 100_000, "well", "told is: cohort"),
        ("cohort", 1_000, "well", "EUCORA_METRICS_SERIES=device would show each device"),
    ],
)
def test_a_fleet_that_is_too_large_for_a_series_a_device_is_told_so_and_one_that_is_not_too(
    told: str, devices: int, state: str, said: str
) -> None:
    found = doctor.series(told, devices)
    assert found.state == state
    assert said in found.found
    assert ("EUCORA_METRICS_SERIES=cohort" in found.mend) == (state == "wrong")
