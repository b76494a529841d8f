"""Of two workers one sleeps, or dies: the other takes over, and what was acknowledged is queryable, each sample once."""

import random
import time

import pytest
from tests.faults.conftest import SEED
from tests.faults.killing import kill_everything, pid_of, second_worker, stopped
from tests.faults.ledger import Account, Fleet, owed
from tests.faults.test_conservation import settle
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


def test_a_worker_that_slept_past_its_lease_writes_nothing_when_it_wakes(up: Up, accounts: list[Account]) -> None:
    rng = random.Random(SEED)
    with Fleet(accounts), second_worker(up):
        for _ in range(2):
            time.sleep(rng.uniform(0.5, 1.0))
            with stopped(pid_of(up, "pipeline")):
                before = [set(account.settled) for account in accounts]
                time.sleep(0.5)
                later = {a.id: a.settled - known for a, known in zip(accounts, before, strict=True)}
                assert all(later.values())
                # The other takes over once the lease is over: what came after the first fell asleep is queryable.
                up.eventually(lambda wanted=later: not any(owed(up, accounts).get(d, set()) & n for d, n in wanted.items()))  # type: ignore[misc]  # fmt: skip
    settle(up, accounts)


def test_everything_is_killed_while_one_of_two_workers_sleeps(up: Up, accounts: list[Account]) -> None:
    with Fleet(accounts), second_worker(up):
        time.sleep(0.5)
        with stopped(pid_of(up, "pipeline")):
            time.sleep(0.5)
            kill_everything(up)
    settle(up, accounts)
