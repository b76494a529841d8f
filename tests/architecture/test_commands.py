"""What the papers tell a reader to type exists: every `eucora …`, `eucora-agent …` and `make …` in them."""

import re
from pathlib import Path

import pytest

from eucora.cli.verbs import GROUPS, VERBS
from eucora_agent.main import arguments

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs/guides").glob("*.md")])
KNOWN = {verb.words for verb in VERBS} | set(GROUPS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_tells_to_type_is_a_verb(page: Path) -> None:
    typed = re.findall(r"(?m)^\s*(?:\.venv/bin/)?eucora ([a-z-]+)(?: ([a-z-]+))?", page.read_text(encoding="utf-8"))
    strangers = [f"{one} {two}".strip() for one, two in typed if not {one, f"{one} {two}"} & KNOWN]
    assert strangers == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_word_of_the_agent_that_a_page_tells_to_type_is_one(page: Path) -> None:
    typed = set(re.findall(r"(?:^|[ /`])eucora-agent ([a-z][a-z-]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE))
    words = set(re.findall(r"(?m)^    ([a-z-]+)", arguments().format_help()))
    assert words
    assert sorted(typed - words) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_that_a_page_tells_to_make_is_one(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    typed = re.findall(r"(?m)(?:^|`)make ((?:[a-z-]+ ?)+)", page.read_text(encoding="utf-8"))
    assert sorted({word for words in typed for word in words.split()} - targets) == []
