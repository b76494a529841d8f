"""Whatever dies, and whenever: what was acknowledged is queryable, each sample once, and nothing else is there."""

import random
import time

import pytest
from tests.faults.conftest import SEED
from tests.faults.killing import FAULTS, kill_everything, pid_of, second_worker, stopped
from tests.faults.ledger import Device, Fleet, differences, owed
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


def settle(up: Up, devices: list[Device]) -> None:
    """Every obligation is met, exactly, and each device's next sample flows."""
    up.eventually(lambda: up.run("status", check=False).returncode == 0)
    with Fleet(devices) as fresh:
        before = fresh.settled
        up.eventually(lambda: all(now > then for now, then in zip(fresh.settled, before, strict=True)))
    up.eventually(lambda: not owed(up, devices))
    for device in devices:
        assert device.refused == []
        assert device.settled == set(device.sent)
        shown, promised = differences(up, device)
        assert shown == promised
    assert up.json("deadletters") == []


def test_what_was_acknowledged_is_there_once_whatever_was_killed(up: Up, devices: list[Device]) -> None:
    rng = random.Random(SEED)
    faults = [*rng.sample(sorted(FAULTS), len(FAULTS)), "everything"]
    with Fleet(devices) as fleet:
        for fault in faults:
            time.sleep(rng.uniform(0.3, 1.2))
            before = sum(fleet.settled)
            FAULTS[fault](up)
            up.eventually(lambda before=before: sum(fleet.settled) > before)  # type: ignore[misc]
    settle(up, devices)


def test_a_worker_that_slept_past_its_lease_writes_nothing_when_it_wakes(up: Up, devices: list[Device]) -> None:
    rng = random.Random(SEED)
    with Fleet(devices) as fleet, second_worker(up):
        for _ in range(2):
            time.sleep(rng.uniform(0.5, 1.0))
            with stopped(pid_of(up, "pipeline")):
                first = [set(device.settled) for device in devices]
                time.sleep(0.5)
                later = [device.settled - known for device, known in zip(devices, first, strict=True)]
                assert all(later)
                # The other takes over once the lease is over: what came after the first fell asleep is queryable.
                up.eventually(lambda later=later: _are_there(up, devices, later))  # type: ignore[misc]
        fleet.stop()
    settle(up, devices)


def _are_there(up: Up, devices: list[Device], numbers: list[set[int]]) -> bool:
    missing = owed(up, devices)
    return not any(missing.get(device.id, set()) & wanted for device, wanted in zip(devices, numbers, strict=True))


def test_both_workers_and_everything_else_killed_while_one_sleeps(up: Up, devices: list[Device]) -> None:
    with Fleet(devices), second_worker(up):
        time.sleep(0.5)
        with stopped(pid_of(up, "pipeline")):
            time.sleep(0.5)
        kill_everything(up)
    settle(up, devices)
