"""`eucora retention show`, typed as a person would."""

from tests.eucora.cli.conftest import Terminal


async def test_set_and_really_are_shown_side_by_side(terminal: Terminal) -> None:
    told = await terminal.told("retention", "show")
    for words in ("metrics", "90 days", "audit", "730 days", "no such server follows the archive"):
        assert words in told
    assert {each["name"] for each in await terminal.json("retention", "show")} >= {"metrics", "evidence", "segments"}
