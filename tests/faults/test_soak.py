"""A short run of everything that fails; seeds that found a fault are kept here."""

from pathlib import Path

import pytest
from tests.faults.soak import soak

pytestmark = pytest.mark.timeout(500)
SEEDS = {20261127: 25, 8: 60}
"""To the seconds that they run."""


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_is_there_twice_whatever_fails(tmp_path: Path, seed: int) -> None:
    told: list[str] = []
    found = soak(tmp_path, SEEDS[seed], seed, told.append)
    assert found.kept, (str(found), found, told)
    assert len(found.faults) >= 8
