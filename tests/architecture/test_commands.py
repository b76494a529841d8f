"""What the papers tell a reader to type exists: every `eucora …` in them is a verb of the program."""

import re
from pathlib import Path

import pytest

from eucora.cli.verbs import GROUPS, VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs/guides").glob("*.md")])
KNOWN = {verb.words for verb in VERBS} | set(GROUPS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_tells_to_type_is_a_verb(page: Path) -> None:
    typed = re.findall(r"(?m)^\s*(?:\.venv/bin/)?eucora ([a-z-]+)(?: ([a-z-]+))?", page.read_text(encoding="utf-8"))
    strangers = [f"{one} {two}".strip() for one, two in typed if not {one, f"{one} {two}"} & KNOWN]
    assert strangers == []
