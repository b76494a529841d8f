"""The repository's papers lead somewhere and leave nothing out."""

import re
import tomllib
from pathlib import Path

import pytest

from eucora.settings import OPERATOR, Settings
from eucora_agent.settings import PREFIX
from eucora_agent.settings import Settings as AgentSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changes").glob("*.md")])
DECISIONS = ROOT / "docs" / "decisions"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert dead == []


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as they are made where pages are shown."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_part_of_a_page_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^):#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    dead = [f"{file}#{part}" for file, part in links if part not in anchors(page.parent / file if file else page)]
    assert dead == []


def test_every_decision_is_in_the_index_and_says_what_would_change_our_mind() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    for page in DECISIONS.glob("*.md"):
        if page.name != "README.md":
            assert f"({page.name})" in index, page.name
            text = page.read_text(encoding="utf-8").lower()
            assert "change our mind" in text, page.name
            assert re.search(r"\d{4}-\d{2}-\d{2}", text), page.name


def test_every_page_that_the_code_names_is_there() -> None:
    sources = [file for part in ("src", "tests", "bench") for file in (ROOT / part).rglob("*.py")]
    named = {page for file in sources for page in re.findall(r"docs/[\w/-]+\.md", file.read_text(encoding="utf-8"))}
    assert named
    assert sorted(page for page in named if not (ROOT / page).exists()) == []


def test_every_variable_that_a_page_tells_to_set_is_a_setting() -> None:
    known = {f"EUCORA_{name.upper()}" for name in Settings.__struct_fields__}
    known |= {f"{PREFIX}{name.upper()}" for name in AgentSettings.__annotations__}
    known |= {f"EUCORA_{name.upper()}" for name in OPERATOR} | {"EUCORA_AGENT_TOKEN"}
    for page in PAGES:
        named = set(re.findall(r"EUCORA_[A-Z0-9_]+[A-Z0-9]", page.read_text(encoding="utf-8")))
        assert named - known == set(), page.name


def test_every_change_is_a_fragment_of_a_known_kind() -> None:
    kinds = {"added", "changed", "fixed", "removed", "security"}
    fragments = [file.name for file in (ROOT / "changes").glob("*.md") if file.name != "README.md"]
    assert fragments
    assert [name for name in fragments if name.split(".")[-2] not in kinds] == []


def test_every_dependency_has_its_reason_and_its_licence() -> None:
    told = (DECISIONS / "dependencies.md").read_text(encoding="utf-8").lower()
    for project in (ROOT / "pyproject.toml", ROOT / "packaging/agent/pyproject.toml"):
        about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        asked = [*about["dependencies"], *about.get("optional-dependencies", {}).get("dev", [])]
        names = {re.split(r"[<>=~!\[ ]", requirement)[0] for requirement in asked} - {"eucora-agent"}
        assert sorted(name for name in names if name.lower() not in told) == [], project


def test_no_reason_is_given_for_what_is_no_dependency() -> None:
    told = (DECISIONS / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ([\w, -]+) \|", told.partition("## To prove it")[0])
    named = {name for row in rows for name in row.split(", ")} - {"package"}
    asked: set[str] = set()
    for project in (ROOT / "pyproject.toml", ROOT / "packaging/agent/pyproject.toml"):
        about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        asked |= {re.split(r"[<>=~!\[ ]", requirement)[0].lower() for requirement in about["dependencies"]}
    assert len(named) > 15
    assert named - asked == set()
