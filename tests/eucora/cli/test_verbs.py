"""Every verb declares what it needs and leaves, says how it is used, and is there."""

import inspect
import json
import tomllib
import uuid
from importlib import import_module
from pathlib import Path

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Laptop, Plane, PlantDevice
from tests.eucora.operators.test_devices import plant_person
from typer.testing import CliRunner

import eucora
from eucora.cli.main import app
from eucora.cli.platform import Turned
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


TYPED = {
    "tap": "tap --device DEVICE --seconds 1",
    "completeness": "completeness",
    "explain": "explain 0/live/1",
    "top": "top --once",
    "support": "support FILE",
    "stores pause": "stores pause FOLLOWER",
    "stores resume": "stores resume FOLLOWER",
    "stores again": "stores again FOLLOWER --since 1d",
    "devices": "devices",
    "device": "device DEVICE",
    "software": "software DEVICE",
    "series": "series DEVICE cpu",
    "lines": "lines DEVICE",
    "changes": "changes DEVICE",
    "crashes": "crashes DEVICE",
    "trace": "trace TRACE",
    "deadletters replay": "deadletters replay ANY",
    "redigest": "redigest --since 1d --purpose test --no-wait",
    "move": "move DEVICE Lyon",
    "clones close": "clones close STREAM rewind",
    "revoke": "revoke DEVICE --yes",
    "forget": "forget PERSON --yes",
    "erase": "erase DEVICE --purpose test --yes",
    "enrolment-tokens revoke": "enrolment-tokens revoke ENROLMENT",
    "tokens create": "tokens create --scope tokens.write",
    "tokens revoke": "tokens revoke TOKEN",
    "operators create": "operators create bob",
    "operators disable": "operators disable anna",
}
"""How a verb is typed; what is not here is typed as it is called."""

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

HELD = """
INSERT INTO journal_heads (stream, device, number, last_sequence, last_digest, last_item, fork, received)
VALUES ($1, $2, 1, 1, '', 1, true, now())
"""

LOOKS_UP = {"operators disable": "operators.read"}
"""What a verb asks before it acts, since it takes a name."""
KNOCKS = {"demo", "verify"}
"""Come through the doors of devices too, which a whole platform has: tests/e2e/test_demo.py, test_verify.py."""


async def test_a_verb_needs_the_permission_that_it_declares_and_no_other(
    terminal: Terminal, plane: Plane, plant: PlantDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = await _things(plane, await plant())
    for verb in (verb for verb in REMOTE if verb.words not in KNOCKS):
        argv = [things.get(word, word) for word in TYPED.get(verb.words, verb.words).split()]
        asked_before = {LOOKS_UP[verb.words]} if verb.words in LOOKS_UP else set()
        lacking = await plane.token_for(*(set(SCOPES) - {verb.permission}))
        _sign_in(plane, lacking, monkeypatch)
        refused = (await terminal.type(*argv)).exception
        assert isinstance(refused, Turned), verb.words
        assert f"the scope {verb.permission} is needed" in str(refused), verb.words
        _sign_in(plane, await plane.token_for(verb.permission, *asked_before), monkeypatch)
        done = await terminal.type(*argv)
        assert done.exit_code == (1 if verb.words == "doctor" else 0), (verb.words, done.output, done.exception)
        assert verb.words != "doctor" or "want mending" in done.output  # nobody digests here


async def _things(plane: Plane, laptop: Laptop) -> dict[str, str]:
    """Something for each verb to act upon."""
    await plane.ask("POST", "/operators", json={"name": "anna"})
    token = (await plane.ask("POST", "/tokens", json={"scopes": ["status.read"]})).json()["token_id"]
    enrolment = (await plane.ask("POST", "/enrolment-tokens", json={})).json()["token_id"]
    person = str(await plant_person(plane, laptop, "anna"))
    await plant_span(plane, laptop.device_id, TRACE)
    await plane.house.pool.execute("INSERT INTO followers (follower) VALUES ('loki') ON CONFLICT DO NOTHING")
    known = {"DEVICE": str(laptop.device_id), "ANY": str(laptop.device_id), "PERSON": person, "TRACE": TRACE}
    stream = uuid.uuid4()
    await plane.house.pool.execute(HELD, stream, laptop.device_id)
    file = str(plane.house.settings.data_dir / f"{uuid.uuid4()}.tar.gz")
    return {**known, "STREAM": str(stream), "TOKEN": token, "ENROLMENT": enrolment, "FOLLOWER": "loki", "FILE": file}


async def plant_span(plane: Plane, device: uuid.UUID, trace: str) -> None:
    """One span, of now."""
    pool = plane.house.pool
    shape = await pool.fetchval(
        "INSERT INTO shapes (kind, parts, digest) VALUES ('spans', '{\"name\": \"install\"}', 's') RETURNING shape"
    )
    await pool.execute(
        'INSERT INTO hot_spans ("window", device, time, received, position, item, trace_id, span_id, duration_s, shard,'
        " lane, marks, shape, status)"
        " SELECT \"window\", $1, now(), now(), 1, 1, $2, '12345678', 1.5, 0, 0, 0, $3, 'ok'"
        " FROM windows WHERE state = 'open'",
        device,
        bytes.fromhex(trace),
        shape,
    )


def _sign_in(plane: Plane, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = plane.house.settings.data_dir
    told = json.loads((data / "operator.json").read_bytes())
    (data / "somebody.json").write_text(json.dumps({**told, "token": token}))
    monkeypatch.setenv("EUCORA_OPERATOR_FILE", str(data / "somebody.json"))
