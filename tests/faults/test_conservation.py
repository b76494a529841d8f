"""Whatever dies, and whenever: what was acknowledged is queryable, each sample once, and nothing else is there."""

import random
import time

import pytest
from tests.faults.conftest import SEED
from tests.faults.killing import FAULTS, kill_everything, pid_of, second_worker, stopped
from tests.faults.ledger import Account, Fleet, both_sides, owed
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


def settle(up: Up, accounts: list[Account]) -> None:
    """Every obligation is met, exactly, and each device's next sample flows."""
    up.eventually(lambda: up.run("status", check=False).returncode == 0)
    with Fleet(accounts) as fresh:
        before = fresh.settled
        up.eventually(lambda: all(now > then for now, then in zip(fresh.settled, before, strict=True)))
    up.eventually(lambda: not owed(up, accounts))
    for account in accounts:
        assert account.refused == []
        assert account.settled == set(account.sent)
        shown, promised = both_sides(up, account)
        assert shown == promised
    assert up.json("deadletters") == []


def test_what_was_acknowledged_is_there_once_whatever_was_killed(up: Up, accounts: list[Account]) -> None:
    rng = random.Random(SEED)
    with Fleet(accounts) as fleet:
        for fault in (*rng.sample(sorted(FAULTS), len(FAULTS)), "everything"):
            time.sleep(rng.uniform(0.3, 1.2))
            before = sum(fleet.settled)
            FAULTS[fault](up)
            up.eventually(lambda known=before: sum(fleet.settled) > known)  # type: ignore[misc]
    settle(up, accounts)


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
