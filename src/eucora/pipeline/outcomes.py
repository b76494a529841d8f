"""How deployments ended, counted in the transaction that stores them: once, whatever is repeated."""

from collections import Counter

from eucora.batch import Plan
from eucora.slice import Transaction
from eucora.sql import load

SQL = load(__file__, "outcomes.sql")
STILL = "running"


async def count(plan: Plan, tx: Transaction) -> None:
    """Those of a batch; no statement where there are none."""
    found = Counter(each.outcome for item in plan.items for each in item.payload.deployments if each.outcome != STILL)
    if found:
        await tx.execute(SQL.add, sorted(found), [found[outcome] for outcome in sorted(found)])
