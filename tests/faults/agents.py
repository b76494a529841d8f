"""Real agents to be harmed: killed, put to sleep, their clock set, their disk filled, their spool damaged; and a witness.

What an agent was answered for lies in its spool's tail, batch by batch as it was signed. That is held against the journal.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tests.faults.killing import stopped
from tests.platform import Up

from eucora_agent import identity, moment, spool_tail
from eucora_agent.durable import write
from eucora_agent.spool import Spool
from eucora_wire.envelope import parse_signed

AGENT = (sys.executable, str(Path(__file__).with_name("agent_clock.py")))
SPOOL_MIB, DISK_MIB = 8, 12
"""A disk of its own has room for a spool and little else."""
DAMAGE_BYTES = 4_096

Batch = tuple[uuid.UUID, int, bytes]
"""(stream, sequence, signature)."""


@dataclass
class Agent:
    """An installed agent: its folder, its clock, and its process while it runs. `damaged`: its spool was, once."""

    environ: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    damaged: bool = False

    @property
    def id(self) -> uuid.UUID:
        return identity.load(self.folder).device_id

    def start(self) -> None:
        with open(self._beside("log"), "ab") as log:
            argv = (*AGENT, str(self._beside("clock")), "run")
            self.process = subprocess.Popen(argv, env=self.environ, stdout=log, stderr=log)

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def status(self) -> dict[str, Any]:
        argv = (*AGENT, str(self._beside("clock")), "status", "--json")
        asked = subprocess.run(argv, env=self.environ, capture_output=True, check=False)
        return dict(json.loads(asked.stdout)) if asked.returncode == 0 else {}

    def set_clock(self, ahead_s: float) -> None:
        self._beside("clock").write_text(str(ahead_s))

    def _beside(self, what: str) -> Path:
        """Not in its folder, which may be full."""
        return Path(f"{self.environ['BESIDE']}.{what}")


def installed(up: Up, folder: Path, *, cadence_s: float, port: int | None = None, beside: Path | None = None) -> Agent:
    """Enrolled, and not started. `port`: where it is to find the device plane, when not at the platform itself."""
    environ = os.environ | {
        "EUCORA_AGENT_DIR": str(folder),
        "EUCORA_AGENT_CADENCE_S": str(cadence_s),
        "EUCORA_AGENT_BACKOFF_CAP_S": "1",
        "EUCORA_AGENT_TIMEOUT_S": "5",
        "EUCORA_AGENT_SPOOL_MIB": str(SPOOL_MIB),
        "EUCORA_AGENT_TAIL_MIB": str(SPOOL_MIB - 2),
        "EUCORA_AGENT_TOKEN": up.json("enrolment-tokens", "create")["token"],
        "BESIDE": str(beside or folder),
    }
    agent = Agent(environ, folder)
    agent.set_clock(0)
    argv = (
        *AGENT,
        str(agent._beside("clock")),
        "enrol",
        "--url",
        f"https://localhost:{up.environ['EUCORA_ENROLMENT_PORT']}",
    )
    subprocess.run((*argv, "--ca", str(up.data_dir / "authority" / "trusted.pem")), env=environ, check=True)
    if port is not None:
        who = msgspec.structs.replace(identity.load(folder), gateway=f"https://localhost:{port}")
        write(folder / identity.IDENTITY, msgspec.json.encode(who))
    return agent


# --- harm; each leaves the agent running


def killed(agent: Agent, rng: random.Random) -> None:
    agent.end(signal.SIGKILL)
    time.sleep(rng.uniform(0.0, 1.0))
    agent.start()


def asleep(agent: Agent, rng: random.Random) -> None:
    assert agent.process is not None
    with stopped(agent.process.pid):
        time.sleep(rng.uniform(0.2, 2.0))


def clock_set(agent: Agent, rng: random.Random) -> None:
    """An hour ahead, or back, and right again."""
    agent.set_clock(rng.choice((-3600, -90, 90, 3600)))
    time.sleep(rng.uniform(0.5, 2.0))
    agent.set_clock(0)


def disk_filled(agent: Agent, rng: random.Random) -> None:
    """Not a byte is free where it lives, which is a file system of its own."""
    filler = agent.folder.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4_096)
    time.sleep(rng.uniform(0.5, 2.0))
    filler.unlink()


def spool_damaged(agent: Agent, rng: random.Random) -> None:
    """The disk gives back something else than was written, in the middle of a file."""
    agent.end(signal.SIGKILL)
    if files := sorted((agent.folder / "spool").glob("*.db")):
        agent.damaged = True
        with rng.choice(files).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(rng.randrange(max(1, size - DAMAGE_BYTES)))
            file.write(rng.randbytes(DAMAGE_BYTES))
    agent.start()


HARM = {
    "an agent is killed": killed,
    "an agent sleeps": asleep,
    "an agent's clock is set": clock_set,
    "an agent's spool is damaged": spool_damaged,
}
FULL = "an agent's disk is full"
"""Wants a file system of its own, and so root."""


def witness(agent: Agent, copy: Path) -> set[Batch]:
    """Batches that it was answered for, of those that its tail keeps. It does not run, and has nothing more to send."""
    shutil.copytree(agent.folder / "spool", copy)
    spool = Spool(copy, SPOOL_MIB * 2**20, 28 * 86_400_000, moment.read().boot)
    try:
        assert not spool.sealed()
        envelopes = [spool.batch(row[0]) for row in spool_tail.places(spool.folder)]
    finally:
        spool.close()
    return {_batch(each.headers) for each in envelopes if each is not None}


def _batch(headers: dict[str, str]) -> Batch:
    return uuid.UUID(headers["eucora-stream"]), int(headers["eucora-sequence"]), parse_signed(headers).signature
