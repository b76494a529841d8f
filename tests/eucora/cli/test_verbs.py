"""Every verb declares what it needs and leaves, says how it is used, and is there."""

import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

import eucora
from eucora.cli.main import app
from eucora.cli.verbs import VERBS, Verb
from eucora.operators.app import ROUTES
from eucora.web.scopes import SCOPES

REMOTE = [verb for verb in VERBS if verb.permission != "local"]


def code(verb: Verb) -> object:
    module, _, name = verb.code.partition(":")
    return getattr(import_module(f"eucora.cli.{module}"), name)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.words)
def test_a_verb_declares_a_permission_that_there_is(verb: Verb) -> None:
    assert verb.permission in (*SCOPES, "local")


@pytest.mark.parametrize("verb", REMOTE, ids=lambda verb: verb.words)
def test_a_verb_declares_what_a_route_with_that_permission_declares(verb: Verb) -> None:
    assert verb.audit in {route.opt["audit"] for route in ROUTES if route.opt["permission"] == verb.permission}


@pytest.mark.parametrize("verb", REMOTE, ids=lambda verb: verb.words)
def test_a_verb_shows_how_it_is_used(verb: Verb) -> None:
    assert "Example" in (inspect.getdoc(code(verb)) or "")
    told = CliRunner().invoke(app, [*verb.words.split(), "--help"])
    assert told.exit_code == 0
    assert verb.permission in told.output


@pytest.mark.parametrize("verb", [v for v in REMOTE if v.words.split()[-1] not in ("revoke", "disable", "export")])
def test_whatever_answers_answers_in_json_too(verb: Verb) -> None:
    assert "as_json" in inspect.signature(code(verb)).parameters  # type: ignore[arg-type]


def test_help_lists_every_verb_with_what_the_table_says() -> None:
    told = CliRunner().invoke(app, ["--help"]).output
    for verb in VERBS:
        assert verb.words.split()[0] in told
        if " " not in verb.words:
            assert verb.about in told


def test_an_unknown_verb_is_a_matter_of_usage() -> None:
    assert CliRunner().invoke(app, ["devcies"]).exit_code == 2


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CliRunner().invoke(app, ["--version"]).output == f"eucora {project['version']}\n"
    assert eucora.__version__ == project["version"]
