"""The whole platform as `eucora up` starts it: on this machine alone, and its own acts in the trail from the first."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from bench.processes import below
from tests.faults.killing import kill
from tests.platform import Up, platform_in

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with platform_in(tmp_path_factory.mktemp("up"), EUCORA_AGENT_CADENCE_S="0.5") as platform:
        yield platform.start()


def sockets(pid: int) -> set[tuple[str, str]]:
    """(own address, the other's) of each internet socket of a process; the other's is 0 where it only listens."""
    found, process = set(), Path(f"/proc/{pid}")
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        held = set(opened(process))
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for row in (process / "net" / table).read_text().splitlines()[1:]:
                columns = row.split()
                if f"socket:[{columns[9]}]" in held:
                    found.add((address(columns[1]), address(columns[2])))
    return found


def opened(process: Path) -> Iterator[str]:
    for file in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield file.readlink().name


def address(text: str) -> str:
    """As the kernel prints it: 32-bit words, each in the machine's own order."""
    words = bytes.fromhex(text.partition(":")[0])
    parsed = ip_address(b"".join(words[n : n + 4][::-1] for n in range(0, len(words), 4)))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def test_nothing_that_runs_reaches_or_is_reached_from_beyond_this_machine(running: Up) -> None:
    running.eventually(lambda: running.json("devices"))
    family = [running.pid, *below(running.pid)]
    assert len(family) > 7, "servers, roles and agent"
    held = {pid: sockets(pid) for pid in family}
    assert sum(bool(found) for found in held.values()) > 5
    for pid, found in held.items():
        for own, other in found:
            assert ip_address(own).is_loopback, (pid, own)
            assert ip_address(other).is_loopback or ip_address(other).is_unspecified, (pid, other)


def test_the_trail_begins_with_the_platform_itself_and_is_signed_at_once(running: Up) -> None:
    running.eventually(lambda: running.json("devices"))
    acts = [event["act"] for event in reversed(running.json("audit", "list"))]
    assert acts[:3] == ["operator-token.created", "platform.started", "enrolment-token.created"]
    assert {"device.enrolled", "sign-in"} <= set(acts)
    verdict = running.eventually(lambda: (found := running.json("audit", "verify"))["heads"] >= 2 and found)
    assert verdict["whole"], verdict["faults"]


def agent_status(running: Up) -> dict[str, Any]:
    environ = {**running.environ, "EUCORA_AGENT_DIR": str(running.data_dir / "agent")}
    argv = [sys.executable, "-m", "eucora_agent.main", "status", "--json"]
    told: dict[str, Any] = json.loads(
        subprocess.run(argv, env=environ, capture_output=True, text=True, check=True).stdout
    )
    return told


def test_the_local_agent_is_asked_as_the_readme_says(running: Up) -> None:
    running.eventually((running.data_dir / "agent" / "status.json").exists)
    told = agent_status(running)
    assert told["running"] is True
    assert told["device_id"] == running.eventually(lambda: running.json("devices"))[0]["device_id"]


def without_a_gateway(running: Up) -> None:
    """It comes back in a second or two, so an agent may have missed that it was away."""
    with suppress(ProcessLookupError):
        kill("gateway")(running)


def test_an_agent_that_could_not_reach_the_platform_says_so_as_soon_as_it_can(running: Up) -> None:
    device = running.eventually(lambda: running.json("devices"))[0]["device_id"]

    def said(metric: str) -> list[float]:
        return [value for _, value in running.json("series", device, f"agent.{metric}", "--since", "1h")["points"]]

    before = len(running.eventually(lambda: said("queue_depth")))
    running.eventually(lambda: agent_status(running)["status"] != "healthy" or without_a_gateway(running))
    running.eventually(lambda: max(said("retries")) >= 1)
    assert max(said("heartbeat_failures")) >= 1
    assert max(said("queue_depth")) >= 1
    # A beat is a payload: none is missing, and the agent is well again.
    running.eventually(lambda: len(said("queue_depth")) > before + 4)
    status = running.json("series", device, "agent.status", "--since", "1h")["labelled"]
    assert {"healthy", "degraded"} <= {dict(of["labels"])["status"] for of in status}
    assert running.eventually(lambda: agent_status(running)["status"] == "healthy")


def test_a_stop_is_in_the_trail_and_the_chain_goes_on(running: Up) -> None:
    running.eventually(lambda: running.json("devices"))
    before = running.json("audit", "verify")["position"]
    assert running.stop() == 0
    running.start()
    acts = [event["act"] for event in reversed(running.json("audit", "list")) if event["position"] > before]
    assert [act for act in acts if act.startswith("platform.")] == ["platform.stopped", "platform.started"]
    verdict = running.json("audit", "verify")
    assert verdict["whole"], verdict["faults"]
    assert verdict["events"] == verdict["position"] > before
