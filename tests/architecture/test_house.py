"""The house rules that a machine can hold: imports, names, sizes, docstrings, and what must never be written down."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [*SOURCES, *(file for part in ("tests", "bench", "docs") for file in sorted((ROOT / part).rglob("*.py")))]
WRITTEN = [
    *PYTHON,
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "changes").rglob("*.md"),
    *(ROOT / "src").rglob("*.sql"),
    *(ROOT / "scripts").glob("*"),
    *(ROOT / "requirements").glob("*"),
    *(ROOT / name for name in ("Makefile", "pyproject.toml", ".ci/run", ".pre-commit-config.yaml")),
]
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
MOST_LINES = 500


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_the_import_contracts_are_kept() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [relative(file) for file in PYTHON if {file.stem, file.parent.name} & EMPTY_NAMES] == []


def test_no_source_file_is_too_long_to_read() -> None:
    lengths = {relative(file): len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_module_says_what_it_promises() -> None:
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in SOURCES}
    assert [relative(file) for file, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a package registry's host", r"pypi\.org|pythonhosted|registry\.npmjs|crates\.io|proxy\.golang|deb\.debian"),
        ("a path of one machine", r"(?<![\w.-])/(?:work|root)/[a-z]"),
        ("a promise instead of code", r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplemented" r"Error"),
        ("a test that does not run", r"mark\.(?:skip|xfail)|pytest\.(?:skip|xfail|importorskip)\("),
    ],
)
def test_nothing_that_is_written_here_holds(what: str, pattern: str) -> None:
    found = re.compile(pattern)
    hits = {relative(file): hit[0] for file in WRITTEN if (hit := found.search(file.read_text(encoding="utf-8")))}
    hits.pop(relative(Path(__file__)), None)
    assert hits == {}, what


def test_no_lock_holds_an_address_and_every_requirement_a_hash() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [lock.stem for lock in locks] == ["agent", "bootstrap", "dev", "platform"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert all("--hash=sha256:" in entry for entry in re.findall(r"(?m)^\w\S*==(?:.|\n )+", text)), lock.name


def test_the_locks_hold_what_the_projects_ask_for() -> None:

    for project, lock in (("pyproject.toml", "platform"), ("packaging/agent/pyproject.toml", "agent")):
        asked = tomllib.loads((ROOT / project).read_text(encoding="utf-8"))["project"]["dependencies"]
        names = {re.split(r"[<>=~!\[ ]", requirement)[0] for requirement in asked} - {"eucora-agent"}
        locked = set(re.findall(r"(?m)^([\w.-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")))
        assert names - locked == set(), f"{lock}: run `make lock`"
