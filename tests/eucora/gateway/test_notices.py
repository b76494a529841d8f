"""What agents should know next: read every few seconds, told with every acknowledgement."""

import uuid
from typing import Any

import msgspec
import pytest
from tests.eucora.gateway.plane import Device, Plane, Start

from eucora.domains.devices.policy import sign
from eucora.gateway.notices import Notices
from eucora.problems import TryLater
from eucora_agent.packing import pack
from eucora_wire.answer import Next
from eucora_wire.dictionary import PLAIN, newest
from eucora_wire.payload import encode


async def test_before_the_first_look_nothing_is_told(plane: Plane) -> None:
    notices = Notices(plane.pool, plane.house.settings)
    assert notices.next_for(uuid.uuid4()) == Next()
    assert notices.config.version == 0


async def test_a_device_whose_inventory_does_not_fit_is_asked_for_a_full_one_and_no_other(
    plane: Plane, device: Device
) -> None:
    await plane.pool.execute("INSERT INTO software_state (device, resync) VALUES ($1, true)", device.id)
    await plane.house.notices.refresh()
    assert (await told(device)) == {"config": 1, "resync": ["software"]}
    assert plane.house.notices.next_for(uuid.uuid4()) == Next(config=1)
    await plane.pool.execute("UPDATE software_state SET resync = false WHERE device = $1", device.id)
    await plane.house.notices.refresh()
    assert (await told(device)) == {"config": 1}


async def test_who_packs_without_a_dictionary_is_told_of_one_and_who_packs_with_it_or_otherwise_is_not(
    device: Device,
) -> None:
    said = []
    for encoding, number in (("zstd", PLAIN), ("zstd", newest()), ("identity", PLAIN)):
        plain = encode([device.payload()])
        body = pack(plain, number) if encoding == "zstd" else plain
        answer = await device.send(device.seal(body, encoding=encoding))
        said.append(answer.json()["next"].get("dictionary"))
    assert said == [newest(), None, None]


async def told(device: Device, at: str = "") -> dict[str, Any]:
    """What the answer to its next batch says, packed as the platform would have it."""
    envelope = device.seal(pack(encode([device.payload()]), newest()), encoding="zstd")
    answer = await device.send(envelope, at)
    assert answer.status_code == 200
    return dict(answer.json()["next"])


async def test_a_new_policy_is_told_by_its_version(start: Start, device: Device, owner: Any) -> None:
    gateway = await start()
    newer = sign({"version": 2, "cadence_s": {"metrics": 5.0}, "collect": {}}, gateway.house.secrets.policy)
    async with owner.transaction():
        await owner.execute("UPDATE policies SET active = false")
        await owner.execute(
            "INSERT INTO policies (policy, version, body, signature, active) VALUES ($1, 2, $2, $3, true)",
            newer.digest, newer.body.decode(), newer.signature,
        )  # fmt: skip
    await gateway.house.notices.refresh()
    assert (await told(device, gateway.device_url)) == {"config": 2}
    config = gateway.house.notices.config
    assert (config.policy, config.cadence_s) == (newer.digest, {"metrics": 5.0})


async def test_while_the_database_is_away_the_last_look_holds(start: Start) -> None:
    gateway = await start()
    before = msgspec.json.encode(gateway.house.notices.config)
    await gateway.pool.close()
    with pytest.raises(TryLater):
        await gateway.house.notices.refresh()
    assert msgspec.json.encode(gateway.house.notices.config) == before
