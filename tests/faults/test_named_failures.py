"""Things really go wrong on a real platform, one after another; `eucora status` names each within ten seconds, in words."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from bench.own import free_ports
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.device import Device, enrol
from tests.faults.killing import environment_of
from tests.platform import Up, owner, platform_in

from eucora.gateway import authority
from eucora.gateway.certificates import alternative_names
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

pytestmark = pytest.mark.timeout(300)
WITHIN_S = 10.0


@pytest.fixture(scope="module")
def running(own_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with platform_in(tmp_path_factory.mktemp("up"), EUCORA_LEASE_S="3") as platform:
        yield platform.start()


def named(running: Up) -> set[str]:
    """What status says is the matter now; it answers in time whatever is dead."""
    began = time.monotonic()
    done = running.run("status", "--json", check=False)
    assert time.monotonic() - began < WITHIN_S, "status itself took too long"
    told: list[dict[str, Any]] = json.loads(done.stdout)["troubles"]
    assert all(each["what"] and each["safe"] and each["do"] for each in told)
    return {each["name"] for each in told}


def soon(question: Callable[[], bool], what: str, limit_s: float = WITHIN_S) -> None:
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < limit_s, what
        time.sleep(0.2)


def of(running: Up, *words: str) -> list[psutil.Process]:
    """Processes below this platform whose command line has these words."""
    below = psutil.Process(running.pid).children(recursive=True)
    return [p for p in below if all(any(word in part for part in p.cmdline()) for word in words)]


@contextmanager
def frozen(running: Up, *words: str) -> Iterator[None]:
    """Alive, and answering nothing: what a supervisor can not mend."""
    found = of(running, *words)
    assert found, words
    for process in found:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in found:
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("words", "name"),
    [(("weed",), "object-store-away"), (("valkey",), "cache-away"), (("serve", "pipeline"), "nobody-digests")],
)
def test_a_part_that_hangs_is_named_and_forgotten_when_it_goes_on(
    running: Up, words: tuple[str, ...], name: str
) -> None:
    soon(lambda: named(running) == set(), "it is well before", 30)
    with frozen(running, *words):
        soon(lambda: name in named(running), name)
    soon(lambda: name not in named(running), f"{name} is over", 30)


def test_a_part_that_is_killed_is_back_before_anybody_looks_or_named(running: Up) -> None:
    for words in (("weed",), ("valkey",), ("serve", "gateway"), ("serve", "pipeline"), ("serve", "api")):
        for process in of(running, *words):
            process.kill()
        soon(lambda: named(running) == set(), f"{words} are back", 30)


@pytest.fixture
def device(running: Up, tmp_path: Path) -> Iterator[Device]:
    (made,) = enrol(running, tmp_path, 1)
    yield made
    made.hang_up()


def says(device: Device, time: datetime | None = None) -> Payload:
    return Payload(device_id=device.id, timestamp=time or datetime.now(UTC), hardware=Hardware(cpu=1.0))


def test_a_clock_that_jumps_is_named(running: Up, tmp_path: Path) -> None:
    """One role more on the same stores; its own clock jumps."""
    moved = tmp_path / "moved"
    moved.write_text("0")
    port = free_ports(1)[0]
    environ = environment_of(running, "api") | {"EUCORA_OPERATOR_PORT": str(port)}
    with open(tmp_path / "api.log", "ab") as log:
        argv = [sys.executable, str(Path(__file__).with_name("other_clock.py")), str(moved), "serve", "api"]
        other = subprocess.Popen(argv, env=environ, stdout=log, stderr=log)
    try:
        kept = json.loads((running.data_dir / "operator.json").read_text())
        file = tmp_path / "operator.json"
        file.write_text(json.dumps(kept | {"url": f"https://localhost:{port}"}))
        beside = Up(running.data_dir, running.environ | {"EUCORA_OPERATOR_FILE": str(file)})
        soon(lambda: "platform-away" not in named(beside), "it listens", 60)
        time.sleep(2.5)  # it has looked at its clock
        moved.write_text("7200")
        soon(lambda: "clock-jumped" in named(beside), "clock-jumped")
    finally:
        other.terminate()
        other.wait(30)


def test_a_certificate_near_its_end_is_named(running: Up) -> None:
    file = running.data_dir / "tls" / "server.pem"
    good = file.read_bytes()
    own = authority.load_authority(running.data_dir)
    ends = datetime.now(UTC) + timedelta(days=5)
    key = load_pem_private_key((running.data_dir / "tls" / "server.key").read_bytes(), None)
    names = alternative_names("localhost,127.0.0.1")
    file.write_bytes(own.sign_server(key.public_key(), names, ends - authority.SERVER_LIFE))  # type: ignore[arg-type]
    try:
        soon(lambda: "certificate-ends" in named(running), "certificate-ends")
    finally:
        file.write_bytes(good)


def test_an_agent_that_fell_silent_is_named(running: Up) -> None:
    (agent,) = of(running, "eucora_agent")[:1]
    agent.suspend()
    try:
        asyncio.run(moved_back(owner(running), timedelta(minutes=20)))  # as if it had been silent for so long
        soon(lambda: "devices-silent" in named(running), "devices-silent")
    finally:
        agent.resume()
    asyncio.run(moved_back(owner(running), timedelta(0)))
    soon(lambda: "devices-silent" not in named(running), "it is over", 60)


async def moved_back(url: str, by: timedelta) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE journal_heads SET received = now() - $1::interval", by)
    await connection.close()


def test_dead_letters_and_a_revoked_device_are_named(running: Up, device: Device) -> None:
    assert device.send(device.seal([says(device, datetime.now(UTC) - timedelta(days=60))])).status_code == 200
    soon(lambda: "dead-letters" in named(running), "dead-letters")
    running.run("revoke", str(device.id), "--yes")
    assert device.send(device.seal([says(device)])).status_code == 403
    soon(lambda: "refused-revoked-device" in named(running), "refused-revoked-device")


def test_a_database_that_hangs_is_named_though_nobody_can_be_signed_in(running: Up) -> None:
    with frozen(running, "postgres"):
        soon(lambda: "database-away" in named(running), "database-away")
    soon(lambda: "database-away" not in named(running), "it is over", 30)


def test_a_platform_that_is_down_is_named_with_what_is_safe(running: Up, tmp_path: Path) -> None:
    running.stop()
    assert named(running) == {"platform-away"}
    running.start()
    soon(lambda: "platform-away" not in named(running), "it is up again", 60)
