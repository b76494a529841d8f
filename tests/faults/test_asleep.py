"""Who falls asleep where no timeout of the server's applies is cut off, and his work is taken over."""

import time

import pytest
from tests.faults.asleep import asleep_in_a_copy
from tests.faults.ledger import Account, Fleet, owed
from tests.faults.test_conservation import settle
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


def test_a_worker_that_fell_asleep_in_the_middle_of_a_copy_gives_its_locks_back(
    up: Up, accounts: list[Account]
) -> None:
    with Fleet(accounts), asleep_in_a_copy(up):
        time.sleep(0.5)
        later = {account.id: set(account.settled) for account in accounts}
        assert all(later.values())
        up.eventually(lambda: not any(owed(up, accounts).get(d, set()) & n for d, n in later.items()))
    settle(up, accounts)
