"""Whatever dies, and whenever: what was acknowledged is queryable, each sample once, and nothing else is there."""

import random
import time

import pytest
from tests.faults.conftest import SEED
from tests.faults.killing import FAULTS
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
