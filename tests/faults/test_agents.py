"""Two real agents on one platform; each side is killed and started again at any point, and nothing is lost or doubled."""

import asyncio
import random
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.faults.agents import Agent, installed
from tests.faults.conftest import SEED
from tests.faults.killing import environment_of, kill, kill_everything
from tests.faults.ledger import points
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def agents(up: Up, tmp_path: Path) -> Iterator[list[Agent]]:
    """Two of this machine, each in a folder of its own."""
    made = [installed(up, tmp_path / name, cadence_s=0.3) for name in ("one", "two")]
    yield made
    for agent in made:
        agent.end(signal.SIGKILL)


async def items_of(up: Up, device: uuid.UUID) -> int:
    """How many items the journal's heads account for."""
    connection = await asyncpg.connect(environment_of(up, "pipeline")["EUCORA_POSTGRES_URL"])
    try:
        statement = "SELECT sum(last_item) FROM journal_heads WHERE device = $1 AND gaps = '[]'"
        return int(await connection.fetchval(statement, device) or 0)
    finally:
        await connection.close()


def _were_all_acknowledged_since(agents: list[Agent], before: list[Any]) -> bool:
    return all(agent.status().get("last_ack") not in (None, b) for agent, b in zip(agents, before, strict=True))


def test_two_agents_lose_nothing_whichever_side_is_killed_and_started_again(up: Up, agents: list[Agent]) -> None:
    one, two = agents
    one.start()
    two.start()
    rng = random.Random(SEED)
    for harm in (
        [lambda: one.end(signal.SIGKILL), one.start],
        [lambda: kill("gateway")(up)],
        [lambda: two.end(signal.SIGTERM), two.start],
        [lambda: kill("postgres")(up)],
        [lambda: one.end(signal.SIGKILL), lambda: two.end(signal.SIGKILL), lambda: kill_everything(up),
         one.start, two.start],
        [lambda: kill_everything(up)],
    ):  # fmt: skip
        known = [agent.status().get("last_ack") for agent in agents]
        time.sleep(rng.uniform(0.4, 1.2))
        for step in harm:
            step()
        up.eventually(lambda before=known: _were_all_acknowledged_since(agents, before))  # type: ignore[misc]
    up.eventually(lambda: all(agent.status()["queue_depth"] == 0 for agent in agents))
    for agent in agents:
        device = uuid.UUID(agent.status()["device_id"])
        agent.end(signal.SIGTERM)
        appended = asyncio.run(items_of(up, device))
        shown = up.eventually(lambda d=device, n=appended: len(p := points(up, d, "agent.queue_depth")) >= n and p)  # type: ignore[misc]
        assert len(shown) == appended
        assert len({when for when, _ in shown}) == appended
    assert up.json("deadletters") == []
