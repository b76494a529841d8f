"""The status tells what lags and which store is away."""

import msgspec
from tests.eucora.operators.conftest import Plane

from eucora.operators.meter import Meter
from eucora.stores.ports import S3Endpoint
from eucora.stores.redis import RedisCache
from eucora.stores.s3 import S3Objects


async def test_lag_is_what_was_acknowledged_and_not_yet_digested(plane: Plane) -> None:
    told = await plane.get("/status")
    assert (told["lag_entries"], told["dead_letters"], told["epoch"]) == (0, 0, 1)
    assert told["database_bytes"] > 1_000_000
    assert {s["name"]: s["healthy"] for s in told["stores"]} == {"postgresql": True, "s3": True, "cache": True}
    await plane.house.pool.execute("UPDATE journal_shards SET live = 7, replay = 3 WHERE shard = 0")
    await plane.house.pool.execute("UPDATE cursors SET position = 5 WHERE shard = 0 AND lane = 0")
    told = await plane.get("/status")
    assert told["lag_entries"] == 5
    assert [stage["name"] for stage in told["stages"]] == ["journal", "digest"]
    assert not told["healthy"], "nobody holds the places"


async def test_a_cache_that_is_away_is_told_and_holds_nobody_up(plane: Plane) -> None:
    plane.reassemble(cache=RedisCache("redis://127.0.0.1:1"))
    told = await plane.get("/status")
    assert {s["name"]: s["healthy"] for s in told["stores"]} == {"postgresql": True, "s3": True, "cache": False}
    assert not told["healthy"]


async def test_an_object_store_that_is_away_is_told_and_only_what_needs_it_waits(plane: Plane) -> None:
    there = plane.house.objects
    away = S3Objects(S3Endpoint("http://127.0.0.1:1", "key", "hush"), "eucora-data")
    plane.reassemble(objects=away)
    told = await plane.get("/status")
    assert {s["name"]: s["healthy"] for s in told["stores"]} == {"postgresql": True, "s3": False, "cache": True}
    assert (await plane.get("/devices"))["items"] == []
    answer = await plane.ask("GET", "/audit/verify")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:eucora:problem:store-unavailable")
    await away.close()
    plane.reassemble(objects=there)
    assert (await plane.get("/audit/verify"))["whole"]


def test_rates_are_of_the_last_minute() -> None:
    meter = Meter(None)  # type: ignore[arg-type]
    assert meter.rates() == (0.0, 0.0)
    meter.take([{"tip": 10, "position": 5}])
    meter._readings[0] = msgspec.structs.replace(meter._readings[0], at_s=meter._readings[0].at_s - 10)
    meter.take([{"tip": 110, "position": 55}])
    appended, digested = meter.rates()
    assert (round(appended), round(digested)) == (10, 5)
