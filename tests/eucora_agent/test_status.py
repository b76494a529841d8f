"""What the running agent says and costs is read from outside."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from eucora_agent import moment, status
from eucora_agent.status import Said

SAID = Said(os.getpid(), "device", "0.1.0", 1.0, 3, 40, "healthy", "policy", "2026-11-01")


def test_what_was_said_is_read_again(tmp_path: Path) -> None:
    assert status.read(tmp_path) is None
    status.write(tmp_path, SAID)
    assert status.read(tmp_path) == SAID
    (tmp_path / status.FILE).write_bytes(b"{")
    assert status.read(tmp_path) is None


def test_the_cost_of_a_process_is_what_the_system_says() -> None:
    cost = status.cost(SAID, moment.read().uptime_s)
    assert cost is not None
    assert 5 < cost.rss_mb < 2_000
    assert 0 < cost.cpu_percent <= 100 * (os.cpu_count() or 1)
    assert cost.running_s > 0


def test_an_agent_that_ended_costs_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert status.cost(msgspec.structs.replace(SAID, pid=child.pid), 1e9) is None


def test_the_time_of_ended_children_counts() -> None:
    before = status.processor_s()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"], check=True)
    assert status.processor_s() - before >= 0.15
