"""Two real agents on one platform; each side is killed and started again at any point, and nothing is lost or doubled."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.faults.conftest import SEED
from tests.faults.killing import environment_of, kill, kill_everything
from tests.faults.ledger import points
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)

AGENT = (sys.executable, "-m", "eucora_agent.main")


@dataclass
class Agent:
    """An installed agent: its folder, and its process while it runs."""

    environ: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen((*AGENT, "run"), env=self.environ, stdout=log, stderr=log)

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def status(self) -> dict[str, Any]:
        asked = subprocess.run((*AGENT, "status", "--json"), env=self.environ, capture_output=True, check=False)
        return dict(json.loads(asked.stdout)) if asked.returncode == 0 else {}


@pytest.fixture
def agents(up: Up, tmp_path: Path) -> Iterator[list[Agent]]:
    """Two of this machine, each in a folder of its own."""
    made = []
    for name in ("one", "two"):
        environ = os.environ | {
            "EUCORA_AGENT_DIR": str(tmp_path / name),
            "EUCORA_AGENT_CADENCE_S": "0.3",
            "EUCORA_AGENT_BACKOFF_CAP_S": "1",
            "EUCORA_AGENT_TOKEN": up.json("enrolment-tokens", "create")["token"],
        }
        url = f"https://localhost:{up.environ['EUCORA_ENROLMENT_PORT']}"
        ca = str(up.data_dir / "authority" / "trusted.pem")
        subprocess.run((*AGENT, "enrol", "--url", url, "--ca", ca), env=environ, check=True, capture_output=True)
        made.append(Agent(environ, tmp_path / f"{name}.log"))
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
