"""Who comes without a token hears whether the process lives and can answer, and nothing more."""

from tests.eucora.operators.conftest import Plane

from eucora.stores.ports import S3Endpoint
from eucora.stores.s3 import S3Objects


async def test_a_process_that_is_well_says_so_to_everybody(plane: Plane) -> None:
    lives, ready = await plane.client.get("/healthz"), await plane.client.get("/readyz")
    assert (lives.status_code, lives.text) == (200, "ok\n")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "not_ready": {}})


async def test_a_store_that_is_away_is_named_and_only_the_database_makes_it_not_ready(plane: Plane) -> None:
    away = S3Objects(S3Endpoint("http://127.0.0.1:1", "key", "hush"), "eucora-data")
    there = plane.house.objects
    plane.reassemble(objects=away)
    ready = await plane.client.get("/readyz")
    assert (ready.status_code, ready.json()["not_ready"]) == (200, {"s3": "does not answer"})
    plane.reassemble(objects=there)
    await away.close()
    await plane.house.pool.close()
    ready = await plane.client.get("/readyz")
    assert (ready.status_code, set(ready.json()["not_ready"])) == (503, {"postgresql"})
    assert (await plane.client.get("/healthz")).status_code == 200
