"""What the guides show can be done: every command line parses, every name in the code and on a page is there."""

import ast
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from eucora.cli.main import app
from eucora.operators.console.device import SPANS
from eucora.operators.console.fleet import COLUMNS
from eucora.operators.console.search import KINDS

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
PAGES = [ROOT / "README.md", *GUIDES]
DEVELOPER = ROOT / "docs/guides/developer.md"
QUESTIONS = ROOT / "docs/guides/endpoint-engineer.md"
TEMPLATES = ROOT / "src/eucora"


def shown(text: str) -> list[str]:
    """Command lines as a reader copies them: behind a prompt, or by their path in a block."""
    return re.findall(r"(?m)^(?:\$ |\.venv/bin/)eucora (.+)$", text)


def said(text: str) -> list[str]:
    """Commands in a sentence; what they are about may be left out there."""
    return re.findall(r"`eucora ([^`…]+)`", re.sub(r"(?ms)^```.*?^```", "", text))


def parse(line: str) -> None:
    """By the parser that a shell meets, up to a pipe. Nothing runs. Raises click's UsageError."""
    words = shlex.split(line, comments=True)
    args = list(itertools.takewhile(lambda word: word not in ("|", ">", "&&"), words))
    command: Any = typer.main.get_command(app)
    context = None
    while command is not None:
        context = command.make_context(command.name, args, parent=context)
        if not hasattr(command, "resolve_command"):
            return
        _, command, args = command.resolve_command(context, [*context._protected_args, *context.args])


def faults(lines: list[str], forgiven: tuple[str, ...] = ()) -> list[str]:
    """Lines that are not understood, each with what the parser says."""
    found = []
    for line in lines:
        try:
            parse(line)
        except Exception as exc:  # whatever it is, the reader would meet it
            if type(exc).__name__ not in forgiven:
                found.append(f"eucora {line}: {type(exc).__name__} {exc}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_that_a_page_shows_is_understood(page: Path) -> None:
    assert faults(shown(page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_sentence_is_understood_but_for_what_it_is_about(page: Path) -> None:
    assert faults(said(page.read_text(encoding="utf-8")), forgiven=("MissingParameter",)) == []


def test_a_verb_an_option_and_an_argument_that_there_are_not_are_each_found() -> None:
    wrong = ["devizes", "devices --sort model", "revoke", "erasures four", "stores forget loki"]
    assert len(faults([*wrong, "stores again loki --since 7d | head -3", "tokens  # yours"])) == len(wrong)


def test_the_guides_show_commands_at_all() -> None:
    assert sum(len(shown(page.read_text(encoding="utf-8"))) for page in GUIDES) > 40


def names_in(file: Path) -> set[str]:
    """What a file of ours defines: functions, classes with their members, values; or statements of SQL."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".sql":
        return set(re.findall(r"(?m)^-- name: (\w+)$", text))
    found: set[str] = set()
    for node in ast.parse(text).body:
        found |= set(_names(node))
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for member in node.body for name in _names(member)}
    return found


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []


def test_every_function_that_the_developers_guide_names_is_where_it_says() -> None:
    named = re.findall(r"`([\w./-]+\.(?:py|sql))::([\w.]+)`", DEVELOPER.read_text(encoding="utf-8"))
    assert len(named) > 30
    strangers = [
        f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in names_in(ROOT / path)
    ]
    assert strangers == []


@pytest.mark.parametrize("page", [*GUIDES, ROOT / "docs/README.md"], ids=lambda page: page.name)
def test_every_path_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    rooms = "src|tests|docs|bench|deploy|packaging|changes|scripts|requirements"
    named = set(re.findall(rf"`((?:{rooms})/[\w./-]*)`", page.read_text(encoding="utf-8")))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_word_to_click_on_stands_in_the_console() -> None:
    pages = "\n".join(file.read_text(encoding="utf-8") for file in TEMPLATES.rglob("templates/*.html"))
    offered = {*KINDS.values(), *COLUMNS.values(), *(name for name, _ in SPANS)}
    tabs = {"Overview", "Software", "Lines"}
    clicked = set(re.findall(r"\*\*([^*]+)\*\*", "\n".join(in_the_console(QUESTIONS.read_text(encoding="utf-8")))))
    assert len(clicked) > 10
    assert sorted(word for word in clicked - offered - tabs if word not in pages) == []


def in_the_console(text: str) -> list[str]:
    """The paragraphs that say what to click."""
    return re.findall(r"(?ms)^In the console: (.+?)(?:\n\n|\Z)", text)


def test_the_endpoint_engineer_is_told_how_to_answer_ten_questions_by_clicks_and_by_typing() -> None:
    questions = re.split(r"(?m)^## \d+\. ", QUESTIONS.read_text(encoding="utf-8"))[1:]
    assert len(questions) >= 10
    assert [q.splitlines()[0] for q in questions if not (in_the_console(q) and shown(q))] == []


def test_every_page_is_in_the_index_and_every_reader_finds_a_guide_in_the_readme() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = [*GUIDES, *(ROOT / "docs/reference").glob("*.md")]
    assert [page.name for page in pages if f"({page.parent.name}/{page.name})" not in index] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    guides = ("newcomer", "endpoint-engineer", "operator", "runbooks", "developer")
    assert [name for name in guides if f"(docs/guides/{name}.md)" not in readme] == []
