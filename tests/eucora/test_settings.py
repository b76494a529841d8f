"""Settings are checked whole, before anything starts: every fault in one message, each with its mend."""

from pathlib import Path

import pytest

from eucora import settings
from eucora.problems import Misconfigured

GOOD = {"EUCORA_DATA_DIR": "/srv/eucora"}

BAD = {
    "a word where a number belongs": ({"EUCORA_DEVICE_PORT": "https"}, "EUCORA_DEVICE_PORT"),
    "a setting that does not exist": ({"EUCORA_DEVICE_PROT": "8443"}, "EUCORA_DEVICE_PROT is not a setting"),
    "one port for two": ({"EUCORA_DEVICE_PORT": "8445"}, "three different ports"),
    "a port that is none": ({"EUCORA_OPERATOR_PORT": "70000"}, "below 65536"),
    "too many shards": ({"EUCORA_SHARDS": "257"}, "EUCORA_SHARDS must lie between 1 and 256"),
    "no shard": ({"EUCORA_SHARDS": "0"}, "EUCORA_SHARDS"),
    "too many gateways": ({"EUCORA_GATEWAYS": "65"}, "EUCORA_GATEWAYS must lie between 0 and 64"),
    "an object store without its keys": ({"EUCORA_S3_URL": "https://s3.example"}, "go together"),
    "keys without an object store": ({"EUCORA_S3_CREDENTIALS_FILE": "/k"}, "go together"),
    "a database without the role for keys": (
        {"EUCORA_POSTGRES_URL": "postgresql://app@localhost/eucora"},
        "EUCORA_POSTGRES_KEYS_URL",
    ),
    "a level that no log has": ({"EUCORA_LOG_LEVEL": "loud"}, "debug, info, warning or error"),
    "a body that inflates to less than it is": ({"EUCORA_INFLATED_MAX_KIB": "1"}, "must not be smaller"),
    "a lease of no time": ({"EUCORA_LEASE_S": "0"}, "EUCORA_LEASE_S must be above 0"),
    "a spool of no age": ({"EUCORA_SPOOL_MAX_AGE_DAYS": "-1"}, "EUCORA_SPOOL_MAX_AGE_DAYS must be above 0"),
    "a journal that is sealed on the day itself": ({"EUCORA_JOURNAL_HOT_DAYS": "0.5"}, "must be at least 1"),
    "a truth that is none": ({"EUCORA_FSYNC": "perhaps"}, "EUCORA_FSYNC"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_setting_that_can_not_be_is_named_with_its_mend(fault: str) -> None:
    given, said = BAD[fault]
    with pytest.raises(Misconfigured, match=said):
        settings.read(GOOD | given)


def test_every_fault_is_told_and_not_the_first_alone() -> None:
    with pytest.raises(Misconfigured) as told:
        settings.read(GOOD | {"EUCORA_DEVICE_PORT": "x", "EUCORA_LEASE_S": "y", "EUCORA_NO_SUCH": "z"})
    assert all(name in str(told.value) for name in ("EUCORA_DEVICE_PORT", "EUCORA_LEASE_S", "EUCORA_NO_SUCH"))


def test_a_value_is_never_repeated_since_a_url_may_carry_a_password() -> None:
    url = "postgresql://app:hush@localhost/eucora"
    with pytest.raises(Misconfigured) as told:
        settings.read(GOOD | {"EUCORA_POSTGRES_URL": url, "EUCORA_SHARDS": "0"})
    assert "hush" not in str(told.value)


def test_without_any_setting_the_data_lies_where_the_desktop_standard_says() -> None:
    assert settings.read({"HOME": "/home/a"}).data_dir == Path("/home/a/.local/share/eucora")
    assert settings.read({"HOME": "/home/a", "XDG_DATA_HOME": "/data"}).data_dir == Path("/data/eucora")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings.read(GOOD | {"EUCORA_DEVICE_PORT": ""}) == settings.read(GOOD)


def test_a_child_process_sees_the_same_settings() -> None:
    given = settings.read(GOOD | {"EUCORA_FSYNC": "false", "EUCORA_GATEWAYS": "3", "EUCORA_DEVICE_RATE": "2.5"})
    assert settings.read(settings.to_environment(given)) == given
