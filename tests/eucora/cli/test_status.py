"""`eucora status` names what is the matter as its runbook is called, and says of a lag whether it mends itself."""

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Plane

from eucora.cli.status import waiting


async def test_what_is_the_matter_stands_under_the_name_of_its_runbook(plane: Plane, terminal: Terminal) -> None:
    await plane.house.pool.execute("UPDATE cursors SET lease = NULL, leased_until = NULL")
    (told,) = [line for line in (await terminal.told("status")).splitlines() if "places held" in line]
    assert told.startswith("! nobody-digests: ")


@pytest.mark.parametrize(
    ("lag", "appended", "digested", "said"),
    [
        (20, 10.0, 10.0, "20 batches acknowledged and not yet queryable"),
        (6_000, 1_000.0, 1_600.0, "nothing is lost: through in about 10 s"),
        (60_000, 3_000.0, 2_000.0, "nothing is lost: it mends itself once less comes in"),
        (60_000, 3_000.0, 0.0, "nobody digests: eucora doctor says why"),
    ],
)
def test_a_lag_is_told_with_what_becomes_of_it(lag: int, appended: float, digested: float, said: str) -> None:
    stages = [{"name": "journal", "entries_per_s": appended}, {"name": "digest", "entries_per_s": digested}]
    assert waiting({"lag_entries": lag, "stages": stages}).endswith(said)
