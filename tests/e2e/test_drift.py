"""A row changed by hand in a running platform is found by the device's next heartbeat, shown, and mended by the device."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.platform import Up, owner

pytestmark = pytest.mark.timeout(240)

CHANGED = """WITH one AS (SELECT device, source, name, architecture, version FROM software_inventory WHERE present LIMIT 1)
             UPDATE software_inventory s SET version = 'by hand' FROM one
              WHERE (s.device, s.source, s.name, s.architecture, s.version)
                    = (one.device, one.source, one.name, one.architecture, one.version)"""


async def run(url: str, *statements: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [await connection.execute(statement) for statement in statements]
    finally:
        await connection.close()


def test_what_is_changed_by_hand_is_told_and_mended_without_anybody(up: Up) -> None:
    up.environ["EUCORA_AGENT_CADENCE_S"] = "1"
    up.start()
    name = up.eventually(lambda: [each["device_id"] for each in up.json("devices")])[0]
    device = up.eventually(lambda: (found := up.json("device", name)) and found["packages"] and found)
    model, packages = device["model"], up.json("software", name)
    done = asyncio.run(run(owner(up), CHANGED, "UPDATE devices SET model = 'by hand'"))
    assert done == ["UPDATE 1", "UPDATE 1"]
    assert up.json("software", name) != packages
    up.stop()
    up.start()  # an agent that starts says what should be held

    def healed() -> dict[str, Any]:
        drift = {each["section"]: each for each in up.json("device", name)["drift"]}
        return drift if len(drift) == 2 and all(each["healed_at"] for each in drift.values()) else {}

    drift = up.eventually(healed, 120)
    assert all(each["drifted_at"] is None and not each["resync"] for each in drift.values())
    assert up.json("device", name)["model"] == model
    assert [(p["name"], p["version"]) for p in up.json("software", name)] == [
        (p["name"], p["version"]) for p in packages
    ]
    assert "fits again since" in up.run("device", name).stdout
