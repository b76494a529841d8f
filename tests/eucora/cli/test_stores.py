"""`eucora stores`, typed as a person would."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Plane
from tests.eucora.operators.test_stores import PLANTED


@pytest.fixture
def prometheus(plane: Plane) -> None:
    """The settings name one."""
    plane.reassemble(followers=(SimpleNamespace(name="prometheus"),))


async def test_one_that_no_setting_names_any_more_is_left_alone(terminal: Terminal, plane: Plane) -> None:
    now = datetime.now(UTC)
    await plane.house.pool.execute(PLANTED, now, now, now.date())
    assert "no setting names it any more" in await terminal.told("stores")


async def test_without_a_follower_it_says_how_to_name_one(terminal: Terminal) -> None:
    assert "EUCORA_METRICS_URL" in await terminal.told("stores")
    assert await terminal.json("stores") == []


async def test_lag_errors_and_refusals_are_shown(prometheus: None, terminal: Terminal, plane: Plane) -> None:
    now = datetime.now(UTC)
    await plane.house.pool.execute(PLANTED, now, now, now.date())
    told = await terminal.told("stores")
    for words in ("prometheus", "420", "store-unavailable: gone", "too-old", "40"):
        assert words in told
    (head,) = [line for line in told.splitlines() if "STATE" in line]
    (shown,) = [line for line in told.splitlines() if "gone" in line]
    assert shown.index("store-unavailable") >= head.index("STATE"), "the error stands in its own column"
    assert (await terminal.json("stores"))[0]["follower"] == "prometheus"


async def test_one_is_paused_resumed_and_told_again_in_words(
    prometheus: None, terminal: Terminal, plane: Plane
) -> None:
    now = datetime.now(UTC)
    await plane.house.pool.execute(PLANTED, now, now, now.date())
    assert "waits for it in the archive" in await terminal.told("stores", "pause", "prometheus", "--purpose", "moving")
    assert "eucora stores resume prometheus goes on" in await terminal.told("stores")
    assert "from where it was" in await terminal.told("stores", "resume", "prometheus")
    assert "paused" not in await terminal.told("stores")
    assert "told 5 batches once more" in await terminal.told("stores", "again", "prometheus", "--since", "7d")
    assert "5 batches once more" in await terminal.told("stores")
