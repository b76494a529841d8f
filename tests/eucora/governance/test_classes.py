"""The customer's table: what it may say, and that a mistake in it starts nothing."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.governance.classes import BEYOND_THE_SPOOL, LINES, contradictions, read
from eucora.problems import Misconfigured
from eucora_wire.registry import FIELDS

NOWHERE = Path("/nowhere")
SEED = {
    "metrics": (90, "prometheus"),
    "logs": (180, "loki"),
    "traces": (30, "tempo"),
    "inventory": (365, "postgresql"),
    "incidents": (365, "postgresql"),
    "evidence": (365, "s3"),
    "audit": (730, "postgresql"),
    "ai": (730, "postgresql"),
}
SECTIONS = {"log": "logs", "event": "events", "change": "changes", "crash": "apps.crashes", "deployment": "deployments"}


@pytest.mark.parametrize("name", SEED)
def test_the_shipped_table_holds_the_defaults_of_the_specification(name: str) -> None:
    days, store = SEED[name]
    told = read(None, NOWHERE, 28.0)[name]
    assert (told.days, told.hold) == (days, False)
    assert store in told.stores


@pytest.mark.parametrize("kind", LINES)
def test_a_kind_of_lines_has_the_class_that_the_registry_gives_its_fields(kind: str) -> None:
    assert {field.retention for path, field in FIELDS.items() if path == f"{SECTIONS[kind]}.time"} == {LINES[kind]}


def test_what_the_customers_file_says_holds_and_the_rest_is_as_shipped(tmp_path: Path) -> None:
    shipped = read(None, NOWHERE, 28.0)
    (tmp_path / "retention.toml").write_text('[logs]\ndays = 400\nclock = "event"\n[audit]\nhold = true\n')
    told = read(None, tmp_path, 28.0)
    assert (told["logs"].days, told["logs"].clock, told["audit"].hold) == (400, "event", True)
    assert {name: each for name, each in told.items() if name not in ("logs", "audit")} == {
        name: each for name, each in shipped.items() if name not in ("logs", "audit")
    }
    elsewhere = tmp_path / "own.toml"
    elsewhere.write_text("[logs]\ndays = 40\n")
    assert read(elsewhere, tmp_path, 28.0)["logs"].days == 40


def test_every_fault_of_a_file_is_told_at_once_and_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "retention.toml").write_text(
        "[lgos]\ndays = 1\n[metrics]\ndays = 20\n[logs]\nyears = 1\n[traces]\ndays = -3\n"
        '[audit]\nclock = "event"\n[evidence]\nstores = ["nowhere"]\n'
    )
    with pytest.raises(Misconfigured) as told:
        read(None, tmp_path, 28.0)
    for words in ("[lgos] is no class", "[metrics] days must be at least 29", "`years`", "[traces]", "`stores`",
                  '[audit] clock must be "received"'):  # fmt: skip
        assert words in str(told.value), words


@pytest.mark.parametrize("text", ["[logs", "\xff", "logs = 3\n"])
def test_a_file_that_is_no_table_starts_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "retention.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(Misconfigured):
        read(None, tmp_path, 28.0)


def test_a_file_that_is_named_and_not_there_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read(tmp_path / "none.toml", tmp_path, 28.0)


@given(st.integers(1, 400), st.floats(1, 400))
def test_nothing_that_a_spool_may_still_bring_is_kept_for_less(days: int, spool: float) -> None:
    table = {name: msgspec.structs.replace(each, days=days) for name, each in read(None, NOWHERE, 1.0).items()}
    assert len(contradictions(table, spool)) == (len(BEYOND_THE_SPOOL) if days < spool + 1 else 0)
