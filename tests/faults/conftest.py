"""A platform to be killed, and devices that hold it to its word."""

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device import enrol
from tests.faults.ledger import Account
from tests.platform import POSTGRES, Up, platform_in

SEED = 20261124

# What takes minutes belongs to the suite of all live servers (`make test-live`); conservation is proved in both.
LONG = [
    "test_asleep.py",
    "test_backup.py",
    "test_named_failures.py",
    "test_soak.py",
    "test_agents.py",
    "test_three_weeks.py",
    "test_two_workers.py",
]


def may_mount() -> bool:
    """Whether a small file system can be mounted here: root may, where the machine lets root."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False).returncode:
            return False
        subprocess.run(["umount", "-l", folder], check=True)
        return True


LIVE = bool(os.environ.get("EUCORA_TEST_LIVE"))
collect_ignore = [] if LIVE else list(LONG)
collect_ignore += [] if LIVE and may_mount() else ["test_full_disk.py", "test_full_platform.py"]


@pytest.fixture(autouse=True, scope="module")
def own_servers() -> Iterator[None]:
    """Servers are killed and held still here: they are this platform's own, whatever database others are given."""
    with pytest.MonkeyPatch.context() as changed:
        for name in POSTGRES:
            changed.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def up(own_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Without an agent; a worker that is silent for two seconds loses its lease."""
    folder = tmp_path_factory.mktemp("up")
    with platform_in(folder, EUCORA_LEASE_S="2", EUCORA_DEVICE_RATE="1000") as platform:
        yield platform.start("--no-agent")


@pytest.fixture
def accounts(up: Up, tmp_path: Path) -> list[Account]:
    """Of three devices, this test's own."""
    return [Account(device, random.Random(SEED + n)) for n, device in enumerate(enrol(up, tmp_path, 3))]
