"""What the environment says is checked whole at start, and every fault is named."""

from pathlib import Path

import pytest

from eucora_agent.problems import BadSetting
from eucora_agent.settings import Settings, default_dir, read


def test_without_any_variable_the_defaults_hold() -> None:
    found = read({})
    assert found == Settings(Path(default_dir({})).absolute())
    assert (found.spool_mib, found.seal_after_s, found.backoff_cap_s) == (64, 600.0, 120.0)


def test_each_field_is_a_variable() -> None:
    given = {"DIR": "/x/y", "CADENCE_S": "2.5", "SPOOL_MIB": "16", "SEAL_AFTER_S": "60", "BACKOFF_CAP_S": "10"}
    given |= {"TAIL_HOURS": "24", "TAIL_MIB": "4", "TIMEOUT_S": "3", "KEY": "p256"}
    found = read({f"EUCORA_AGENT_{name}": value for name, value in given.items()})
    assert found == Settings(Path("/x/y"), 2.5, 16, 24.0, 4.0, 60.0, 10.0, 3.0, "p256")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read({"EUCORA_AGENT_SPOOL_MIB": ""}).spool_mib == 64


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SPOOL_MIB", "many", "SPOOL_MIB must be a number"),
        ("SPOOL_MIB", "0", "SPOOL_MIB must be above 0"),
        ("SPOOL_MIB", "7", "SPOOL_MIB must be at least 8"),
        ("SPOOL_MIB", "-1", "SPOOL_MIB must be above 0"),
        ("CADENCE_S", "-1", "CADENCE_S must not be negative"),
        ("CADENCE_S", "nan", "CADENCE_S must not be negative"),
        ("SEAL_AFTER_S", "0", "SEAL_AFTER_S must be above 0"),
        ("BACKOFF_CAP_S", "inf", "BACKOFF_CAP_S must be above 0"),
        ("TIMEOUT_S", "nan", "TIMEOUT_S must be above 0"),
        ("KEY", "rsa", "KEY must be ed25519 or p256"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        read({f"EUCORA_AGENT_{name}": value})


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(BadSetting, match=r"TIMEOUT_S.*KEY"):
        read({"EUCORA_AGENT_TIMEOUT_S": "0", "EUCORA_AGENT_KEY": "rsa"})


def test_an_ordinary_users_state_lies_below_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_dir({"XDG_STATE_HOME": "/s"}) == "/s/eucora-agent"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_dir({"XDG_STATE_HOME": "/s"}) == "/var/lib/eucora-agent"
