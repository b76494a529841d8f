"""A platform to be killed, and devices that hold it to its word."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device import enrol
from tests.faults.ledger import Account
from tests.platform import Up, platform_in

SEED = 20261124

# Parts are held still for as long as somebody would look: two minutes, which the suite of all live servers has.
LIVE = bool(os.environ.get("EUCORA_TEST_LIVE"))
collect_ignore = [] if LIVE else ["test_named_failures.py"]
# A file system is mounted, which only root may.
collect_ignore += [] if LIVE and os.geteuid() == 0 else ["test_full_disk.py"]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Without an agent; a worker that is silent for two seconds loses its lease."""
    folder = tmp_path_factory.mktemp("up")
    with platform_in(folder, EUCORA_LEASE_S="2", EUCORA_DEVICE_RATE="1000") as platform:
        yield platform.start("--no-agent")


@pytest.fixture
def accounts(up: Up, tmp_path: Path) -> list[Account]:
    """Of three devices, this test's own."""
    return [Account(device, random.Random(SEED + n)) for n, device in enumerate(enrol(up, tmp_path, 3))]
