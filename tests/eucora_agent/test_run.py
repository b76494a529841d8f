"""A beat goes on whatever fails in it; what was seen and could not be kept is seen again."""

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.eucora_agent.h2server import certified
from tests.eucora_agent.identities import identity

from eucora_agent import durable, moment, spool_folder
from eucora_agent import identity as identities
from eucora_agent.problems import AlreadyRunning, NotEnrolled, SpoolFailing, SpoolFull
from eucora_agent.run import Agent
from eucora_agent.send import Sender
from eucora_agent.settings import Settings
from eucora_agent.spool import Spool
from eucora_wire.enrol import Enrolled
from eucora_wire.payload import Payload, decode

DPKG = f"{datetime.now().astimezone() - timedelta(days=1):%Y-%m-%d %H:%M:%S} install nano:amd64 <none> 7.2\n"
"""As dpkg writes it, by local time."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An enrolled device whose platform can't be reached."""
    folder = tmp_path / "agent"
    folder.mkdir()
    authority, _ = certified(tmp_path)
    who = identity(gateway="https://localhost:1")
    now = moment.read().now
    told = Enrolled(
        device_id=who.device_id,
        installation=who.installation,
        certificate=authority.read_text(),
        authorities=authority.read_text(),
        expires=now + timedelta(hours=72),
        logon_key=who.logon_key,
        logon_key_id=who.logon_key_id,
        policy=who.policy,
        gateway=who.gateway,
    )
    key = load_pem_private_key((tmp_path / "server.key").read_bytes(), None)
    identities.keep(folder, told, key, who.enrolment, now)  # type: ignore[arg-type]
    return Settings(folder, timeout_s=1)


def payloads(agent: Agent) -> list[Payload]:
    envelopes = [agent.spool.batch(x.number) for x in agent.spool.sealed()]
    sealed = [p for e in envelopes if e is not None for p in decode(zstandard.decompress(e.body))]
    return sealed + [msgspec.json.decode(x.body, type=Payload) for x, _ in agent.spool._waiting()]


@pytest.mark.parametrize("fault", [SpoolFull, SpoolFailing])
def test_a_disk_that_takes_nothing_is_told_and_what_was_seen_is_seen_again(
    settings: Settings, tmp_path: Path, fault: type[Exception]
) -> None:
    root = tmp_path / "root"
    (root / "var/log").mkdir(parents=True)
    agent = Agent(settings, root=root)
    agent.beat()
    agent.last.clear()
    (root / "var/log/dpkg.log").write_text(DPKG)

    def full(*_: object) -> None:
        raise fault

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_folder, "write", full)
        agent.beat()
        agent.beat()
    assert len(payloads(agent)) == 1
    agent.beat()
    *_, last = payloads(agent)
    assert [c.subject for c in last.changes] == ["nano"]
    assert [e.name for e in last.events] == ["agent.spool_full"]
    assert last.events[0].count >= 2
    agent.close()


def test_a_disk_without_room_for_the_status_page_ends_no_agent(settings: Settings, tmp_path: Path) -> None:
    agent = Agent(settings, root=tmp_path)
    opens = os.open

    def full(path: Path, *how: int) -> int:
        if str(path).endswith(".new"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opens(path, *how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable.os, "open", full)
        agent.beat()
    agent.last.clear()
    agent.beat()
    assert [e.name for p in payloads(agent) for e in p.events] == ["agent.spool_full"]
    agent.close()


def test_nothing_is_repeated_after_a_kill_between_two_beats(settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "var/log").mkdir(parents=True)
    (root / "var/log/dpkg.log").write_text(DPKG)
    first = Agent(settings, root=root)
    first.beat()
    left = tmp_path / "left"  # what lies on the disk when it is killed: nothing was closed, sealed or said
    shutil.copytree(settings.dir, left)
    again = Agent(dataclasses.replace(settings, dir=left), root=root)
    again.beat()
    assert [c.subject for p in payloads(again) for c in p.changes] == ["nano"]
    again.close()
    first.close()


def test_a_beat_that_may_send_waits_for_the_disk_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Append and seal are one transaction; that the one before was acknowledged goes along with it."""
    agent = Agent(settings)
    agent.beat()  # the inventory, and the first failure
    monkeypatch.setattr(Sender, "may_send", lambda self, at: True)
    monkeypatch.setattr(Sender, "deliver_all", acknowledged)
    agent.sender.failures = 0
    agent.beat()
    written = []
    real = spool_folder.write
    monkeypatch.setattr(spool_folder, "write", lambda db, steps: written.append(steps) or real(db, steps))
    for _ in range(3):
        agent.beat()
    assert len(written) == 3
    assert agent.spool.depth() == 0
    agent.close()


def acknowledged(sender: Sender, spool: Spool, *_: object) -> None:
    """As a platform that takes everything."""
    for sealed in spool.sealed():
        assert spool.batch(sealed.number) is not None
        spool.settle(sealed.number)


def test_one_agent_a_folder(settings: Settings) -> None:
    agent = Agent(settings)
    with pytest.raises(AlreadyRunning):
        Agent(settings)
    agent.close()
    Agent(settings).close()


def test_without_enrolment_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled):
        Agent(Settings(tmp_path))


def test_a_stopped_agent_leaves_everything_sealed(settings: Settings) -> None:
    environ = {**os.environ, "EUCORA_AGENT_DIR": str(settings.dir), "EUCORA_AGENT_CADENCE_S": "0.1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "eucora_agent.main", "run"], env=environ, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    lines = iter(child.stderr.readline, "")
    assert next(line for line in lines if "delivery_failed" in line)
    child.send_signal(signal.SIGTERM)
    child.stderr.read()
    assert child.wait() == 0
    child.stderr.close()
    agent = Agent(settings)
    assert agent.spool.depth() > 0
    assert list(agent.spool._waiting()) == []
    agent.close()
