"""The whole platform as `eucora up` starts it: on this machine alone, and its own acts in the trail from the first."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from bench.processes import below
from tests.platform import Up, platform_in

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with platform_in(tmp_path_factory.mktemp("up")) as platform:
        yield platform.start()


def sockets(pid: int) -> set[tuple[str, str]]:
    """(own address, the other's) of each internet socket of a process; the other's is 0 where it only listens."""
    found, inodes = set(), set()
    with suppress(FileNotFoundError, ProcessLookupError):  # a process, or a file of it, that has ended meanwhile
        for file in Path(f"/proc/{pid}/fd").iterdir():
            inodes.add(file.readlink().name)
    for table in ("tcp", "tcp6", "udp", "udp6") if inodes else ():
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = row.split()
            if f"socket:[{columns[9]}]" in inodes:
                found.add((address(columns[1]), address(columns[2])))
    return found


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


def test_the_local_agent_is_asked_as_the_readme_says(running: Up) -> None:
    running.eventually(lambda: running.json("devices"))
    environ = {**running.environ, "EUCORA_AGENT_DIR": str(running.data_dir / "agent")}
    argv = [sys.executable, "-m", "eucora_agent.main", "status", "--json"]
    told = json.loads(subprocess.run(argv, env=environ, capture_output=True, text=True, check=True).stdout)
    assert told["running"] is True
    assert told["device_id"] == running.json("devices")[0]["device_id"]


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
