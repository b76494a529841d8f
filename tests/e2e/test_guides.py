"""What the guides show is what a platform answers: the same titles, the same labels, on this machine."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.platform import Up

pytestmark = pytest.mark.timeout(180)
GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def shown(guide: str, command: str) -> list[str]:
    """What a guide shows below a command, up to the next one."""
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    below = re.search(rf"(?ms)^\$ eucora {re.escape(command)}\n(.+?)^(?:\$ |```)", text)
    assert below, f"{guide}.md shows nothing below eucora {command}"
    return below[1].splitlines()


def titles(lines: list[str]) -> list[str]:
    """Of the first table in an answer: what stands above its rule."""
    above = next(before for before, rule in pairwise(lines) if set(rule.strip()) == {"─"})
    return above.split()


@pytest.fixture(scope="module")
def place(running: Up) -> str:
    """Where this machine's first batch lies in the journal, once it is digested."""

    def first() -> Any:
        return any(found.get("os_name") for found in running.json("devices"))

    running.eventually(first)
    found = (f"{shard}/live/1" for shard in range(8))
    return next(place for place in found if running.run("explain", place, check=False).returncode == 0)


@pytest.mark.parametrize(
    ("guide", "command"),
    [("newcomer", "devices"), ("operator", "status"), ("operator", "retention show")],
)
def test_a_table_has_the_titles_that_the_guide_shows(running: Up, place: str, guide: str, command: str) -> None:
    assert titles(running.run(*command.split()).stdout.splitlines()) == titles(shown(guide, command))


def test_the_way_of_a_batch_has_the_steps_that_the_guide_shows(running: Up, place: str) -> None:
    told, guide = running.run("explain", place).stdout.splitlines(), shown("newcomer", "explain 0/live/1")
    assert titles(told) == titles(guide)
    assert [line.split()[0] for line in told[3:] if line] == [line.split()[0] for line in guide[3:]]


def test_the_status_has_the_labels_that_the_guide_shows(running: Up, place: str) -> None:
    told = running.run("status").stdout
    labels = {line.split("  ")[0] for line in shown("operator", "status")[:10]} - {"revoked"}
    assert {"waiting", "dead letters", "disk", "audit"} <= labels
    assert sorted(label for label in labels if not re.search(rf"(?m)^{label} ", told)) == []


def test_an_erasure_says_of_each_store_what_the_guide_shows(running: Up, place: str) -> None:
    told = running.run("erase", "self", "--since", "2h", "--until", "1h", "--purpose", "a test", "--yes").stdout
    guide = shown("operator", 'erase 06689aff --purpose "request 4711"')
    assert titles(told.splitlines()) == titles(guide)
    stores = {line.split()[0] for line in told.splitlines()[3:] if line}
    assert stores <= {line.split()[0] for line in guide[3:]}
    assert {"queries", "archive", "journal", "audit"} <= stores
