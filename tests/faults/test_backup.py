"""A backup is put back, and real agents heal the platform: nothing missing, nothing twice, nobody held, nobody back."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.ledger import points
from tests.faults.test_agents import Agent, agents
from tests.platform import Up, platform_in

__all__ = ["agents"]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def up(own_servers: None, tmp_path: Path) -> Iterator[Up]:
    """A platform of its own for each: it is put back, and begins epochs."""
    with platform_in(tmp_path, EUCORA_DEVICE_RATE="1000") as platform:
        yield platform.start("--no-agent")


def acknowledged(agent: Agent, more_than: int = 0) -> int:
    """Items of this agent that the platform has answered for, once it answered for more than so many."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        said = agent.status()
        if said and (settled := said["appended"] - said["queue_depth"]) > more_than:
            return int(settled)
        time.sleep(0.1)
    raise AssertionError(f"{agent.log}: {agent.status()}")


def told(up: Up, agent: Agent) -> dict[str, Any]:
    found: dict[str, Any] = up.json("completeness", agent.status()["device_id"])
    return found


def is_whole(up: Up, agents: list[Agent]) -> bool:
    """Everything that each has appended so far arrived, and nothing is missing or held."""
    for agent in agents:
        appended = agent.status()["appended"]
        found = told(up, agent)
        if found["items"] < appended or found["state"] != "complete" or found["held"]:
            return False
    return True


def twice(up: Up, agent: Agent) -> int:
    """Samples of one metric that stand at one moment more than once."""
    times = [at for at, _ in points(up, agent.status()["device_id"], "hardware.uptime")]
    return len(times) - len(set(times))


def run(up: Up, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = up.json(*words)
    return found


def test_what_was_acknowledged_after_the_backup_comes_back_from_the_agents(up: Up, agents: list[Agent]) -> None:
    for agent in agents:
        agent.start()
    then = [acknowledged(agent, 3) for agent in agents]
    kept = run(up, "backup", str(up.data_dir.parent / "backups"))
    later = [acknowledged(agent, known + 10) for agent, known in zip(agents, then, strict=True)]
    up.stop()
    put = run(up, "restore", kept["folder"], "--no-log")
    assert Path(put["aside"]).is_dir()
    up.start("--no-agent")
    assert "epoch 2 begins" in up.output()
    for agent, known in zip(agents, later, strict=True):
        acknowledged(agent, known + 3)
    up.eventually(lambda: is_whole(up, agents))
    assert up.json("status")["epoch"] == 2
    assert [told(up, agent)["items"] >= known for agent, known in zip(agents, later, strict=True)] == [True, True]
    assert [twice(up, agent) for agent in agents] == [0, 0]
    assert up.json("clones") == []
    assert up.json("deadletters") == []
    assert "platform.restored" in [event["act"] for event in up.json("audit", "list")]
    assert up.run("audit", "verify", check=False).returncode == 0


def test_with_the_log_of_the_old_database_nothing_is_lost_even_without_agents(up: Up, agents: list[Agent]) -> None:
    for agent in agents:
        agent.start()
    then = [acknowledged(agent, 3) for agent in agents]
    kept = run(up, "backup", str(up.data_dir.parent / "backups"))
    was = [acknowledged(agent, known + 10) for agent, known in zip(agents, then, strict=True)]
    for agent in agents:
        agent.end(signal.SIGKILL)
    up.stop()
    shutil.rmtree(up.data_dir / "postgres" / "base")  # only its log is left
    run(up, "restore", kept["folder"])
    up.start("--no-agent")
    assert "Permission denied" not in (up.data_dir / "logs" / "postgres.log").read_text()
    up.eventually(lambda: all(told(up, agent)["items"] >= n for agent, n in zip(agents, was, strict=True)))
    assert [told(up, agent)["state"] for agent in agents] == ["complete", "complete"]


def test_nobody_who_was_erased_or_turned_away_after_the_backup_comes_back(up: Up, agents: list[Agent]) -> None:
    for agent in agents:
        agent.start()
        acknowledged(agent, 3)
    kept = run(up, "backup", str(up.data_dir.parent / "backups"))
    gone, turned_away = (agent.status()["device_id"] for agent in agents)
    up.run("erase", gone, "--purpose", "request 1", "--yes")
    up.run("revoke", turned_away, "--yes")
    seen = up.data_dir / "witness" / "acts.jsonl"
    up.eventually(lambda: seen.exists() and gone in seen.read_text() and turned_away in seen.read_text())
    for agent in agents:
        agent.end(signal.SIGKILL)
    up.stop()
    run(up, "restore", kept["folder"], "--no-log")
    up.start("--no-agent")
    found = {device["device_id"]: device["state"] for device in up.json("devices")}
    assert found == {turned_away: "revoked"}
    agents[0].start()
    agents[1].start()
    time.sleep(3)
    assert {device["device_id"]: device["state"] for device in up.json("devices")} == {turned_away: "revoked"}
    assert "No samples" in up.run("series", gone, "uptime").stdout


def test_a_backup_that_is_not_whole_and_a_directory_of_another_installation_are_refused(up: Up, tmp_path: Path) -> None:
    kept = Path(run(up, "backup", str(tmp_path / "backups"))["folder"])
    again = Path(run(up, "backup", str(tmp_path / "backups"))["folder"])
    assert {each.stat().st_nlink for each in (again / "objects").rglob("*") if each.is_file()} <= {2}
    running = up.run("restore", str(kept), check=False)
    assert (running.returncode, "eucora down" in running.stderr) == (1, True)
    up.stop()
    some = next(each for each in (kept / "postgres" / "base").rglob("*") if each.is_file() and each.stat().st_size)
    some.write_bytes(b"x" + some.read_bytes()[1:])
    damaged = up.run("restore", str(kept), check=False)
    assert (damaged.returncode, "is damaged" in damaged.stderr) == (1, True)
    assert "is no whole backup" in up.run("restore", str(tmp_path), check=False).stderr
    (up.data_dir / "secrets" / "wrapping.key").write_bytes(bytes(32))
    other = up.run("restore", str(again), check=False)
    assert (other.returncode, "another installation" in other.stderr) == (1, True)
    assert json.loads((again / "backup.json").read_bytes())["format"] == 1
