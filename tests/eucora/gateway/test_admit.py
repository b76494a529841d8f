"""Each refusal has its own clear answer, and the platform carries on."""

import asyncio
import gzip
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import zstandard
from docs.generate import PUBLISHED, ROOT
from tests.eucora.gateway.plane import Device, Enrol, Plane, Start, new_ed25519, new_p256, told
from tests.eucora.gateway.ways import WAYS, Scene
from tests.eucora.line import close_line, open_line
from tests.eucora.memory import forget_peak, peak

from eucora import clock
from eucora.archive.copies import Copies
from eucora.archive.query import Archive
from eucora.domains.telemetry import queries as telemetry
from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.stores.s3 import S3Objects
from eucora_wire.dictionary import newest
from eucora_wire.payload import encode
from eucora_wire.problems import BASE
from eucora_wire.sections.hardware import Hardware

PACK: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@pytest_asyncio.fixture(loop_scope="module")
async def scene(plane: Plane, start: Start, enrol: Enrol, owner: Any, device: Device) -> Scene:
    return Scene(plane, start, enrol, owner, device)


async def digest(plane: Plane) -> None:
    """Everything that the journal holds and nobody digested."""
    ground = plane.ground
    line = await open_line(ground.app_url, ground.keys_url, ground.data_dir / "secrets")
    try:
        await line.digest()
    finally:
        await close_line(line)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
async def test_a_refusal_has_its_own_clear_answer_and_the_platform_carries_on(way: str, scene: Scene) -> None:
    slug, provoke = WAYS[way]
    document = told(await provoke(scene), slug)
    device = scene.device
    used = await scene.plane.last_sequence(device.stream)
    if document.get("consumed"):
        assert used == device.sequence
        assert device.last is not None
        # The same batch again gets the same answer, with its old receipt.
        assert told(await device.send(device.last), slug) == document
    else:
        assert used <= device.before[0]
        device.take_back()
    await device.good()


def test_every_refusal_that_is_published_is_provoked_and_no_other() -> None:
    paths = json.loads((ROOT / PUBLISHED / "openapi.json").read_text())["paths"]
    published = set(re.findall(r"`([a-z-]+)`: ", json.dumps(paths)))
    assert {slug for slug, _ in WAYS.values()} == published


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("a_gigabyte")])
async def test_a_bomb_costs_the_gateway_no_memory(way: str, scene: Scene) -> None:
    await scene.device.good()
    before = forget_peak()
    told(await WAYS[way][1](scene), "inflates-too-much")
    assert peak() - before < 150 * 2**20


async def test_what_is_said_of_a_fault_repeats_no_value(scene: Scene) -> None:
    for way in ("a_field_that_nobody_knows", "a_nul_in_a_package_name", "a_cpu_at_250_percent"):
        text = (await WAYS[way][1](scene)).text
        assert not re.search(r"secret_of_ada|ba(\\u0000|\x00)sh|\b250\b", text)


# --- accepted --------------------------------------------------------------------------------------------------------


async def test_a_batch_is_acknowledged_with_its_receipt_over_http2(device: Device) -> None:
    response = await device.send(device.batch(device.payload(), device.payload()))
    assert response.http_version == "HTTP/2"
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["outcome"], answer["accepted"], answer["sequence"]) == ("appended", 2, 1)
    assert answer["receipt"]["epoch"] == 1
    assert answer["next"] == {"config": 1, "dictionary": newest()}


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("new_key", [new_ed25519, new_p256])
async def test_every_encoding_and_both_kinds_of_key_are_taken(
    encoding: str, new_key: Callable[[], Any], plane: Plane, enrol: Enrol
) -> None:
    device = await enrol(plane, new_key())
    answer = await device.send(device.seal(PACK[encoding](encode([device.payload()])), 1, encoding))
    assert answer.json()["accepted"] == 1


async def test_the_same_batch_five_times_counts_once_with_one_receipt(plane: Plane, device: Device) -> None:
    sealed = device.batch(device.payload())
    first = (await device.send(sealed)).json()
    again = [response.json() for response in await asyncio.gather(*(device.send(sealed) for _ in range(4)))]
    assert [answer["outcome"] for answer in (first, *again)] == ["appended"] + ["duplicate"] * 4
    assert all(answer["receipt"] == first["receipt"] for answer in again)
    assert len(await plane.entries(device.stream)) == 1


async def test_the_same_batch_five_times_at_once_counts_once_with_one_receipt(plane: Plane, device: Device) -> None:
    sealed = device.batch(device.payload())
    answers = [response.json() for response in await asyncio.gather(*(device.send(sealed) for _ in range(5)))]
    assert sorted(answer["outcome"] for answer in answers) == ["appended"] + ["duplicate"] * 4
    assert all(answer["receipt"] == answers[0]["receipt"] for answer in answers)
    await digest(plane)
    assert await plane.pool.fetchval("SELECT count(*) FROM hot_metrics WHERE device = $1", device.id) == 1


async def test_a_bad_item_never_hides_the_good_ones_around_it(plane: Plane, device: Device) -> None:
    good, bad = device.payload(), device.payload(hardware=Hardware(cpu=33.25))
    body = encode([good, bad, good]).replace(b"33.25", b"250")
    response = await device.send(device.seal(body, 3))
    assert response.status_code == 200
    answer = response.json()
    (rejected,) = answer["rejected"]
    assert (answer["accepted"], rejected["item"], rejected["type"]) == (2, 2, BASE + "schema")
    assert rejected["path"] == "$.hardware.cpu"
    await digest(plane)
    letters = await plane.pool.fetch("SELECT id, ordinal, reason, path FROM dead_letters WHERE device = $1", device.id)
    assert [tuple(row) for row in letters] == [(uuid.UUID(rejected["dead_letter"]), 2, "schema", "$.hardware.cpu")]
    assert await plane.pool.fetchval("SELECT count(*) FROM hot_metrics WHERE device = $1", device.id) == 2
    await device.good()


@pytest.mark.parametrize("way", ["truncated_json", "a_nul_in_a_package_name", "a_body_over_the_limit"])
async def test_a_consumed_batch_becomes_the_dead_letter_that_the_answer_names(way: str, scene: Scene) -> None:
    slug, provoke = WAYS[way]
    (item,) = (await provoke(scene)).json()["items"]
    for _ in range(2):
        await digest(scene.plane)
    (letter,) = await scene.plane.pool.fetch("SELECT id, reason FROM dead_letters WHERE device = $1", scene.device.id)
    assert tuple(letter) == (uuid.UUID(item["dead_letter"]), slug)


async def test_a_clock_in_2099_is_accepted_and_its_times_are_corrected(
    plane: Plane, device: Device, servers: Any, tmp_path: Path
) -> None:
    moment = datetime(2099, 1, 1, tzinfo=UTC)
    sealed = device.batch(device.payload(timestamp=moment), clock_ms=clock.to_ms(moment))
    answer = (await device.send(sealed)).json()
    assert (answer["outcome"], answer["receipt"]["lane"]) == ("appended", "live")
    await digest(plane)
    now = clock.now()
    archive = Archive(plane.pool, Copies(S3Objects(servers.s3, DATA_BUCKET), tmp_path, 2**20))
    series = await telemetry.series(archive, device.id, "cpu", now - timedelta(hours=1), now + timedelta(hours=1))
    ((time, value),) = series.points
    assert (abs((time - now).total_seconds()) < 30, value) == (True, pytest.approx(0.125))


async def test_a_batch_that_lay_sealed_for_an_hour_travels_in_the_replay_lane(device: Device) -> None:
    hour_ago = clock.now() - timedelta(hours=1)
    sealed = device.batch(device.payload(timestamp=hour_ago), clock_ms=clock.to_ms(hour_ago))
    later = f"6b0c3f0e-2f63-4f0d-9d2b-0f6f0f1f2a3b;t={1_000_000 + 3_600_000};w={clock.to_ms(clock.now())}"
    answer = (await device.send(sealed, **{"eucora-sent": later})).json()
    assert answer["receipt"]["lane"] == "replay"
