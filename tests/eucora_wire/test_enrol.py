"""What is exchanged at enrolment: requests hold nothing unknown, and a configuration has safe defaults."""

import msgspec
import pytest

from eucora_wire.enrol import Config, Enrolled, EnrolRequest, RenewRequest


@pytest.mark.parametrize("kind", [EnrolRequest, RenewRequest])
def test_what_an_agent_asks_holds_nothing_unknown(kind: type[msgspec.Struct]) -> None:
    known = {"csr": "pem", **({"token": "t"} if kind is EnrolRequest else {})}
    assert msgspec.convert(known, kind)
    with pytest.raises(msgspec.ValidationError, match="more"):
        msgspec.convert({**known, "more": 1}, kind)


def test_a_private_key_has_no_place_in_what_travels() -> None:
    fields = {name for kind in (EnrolRequest, RenewRequest, Enrolled) for name in kind.__struct_fields__}
    assert not {name for name in fields if "private" in name or name == "key"}


def test_a_bare_configuration_keeps_for_four_weeks() -> None:
    config = msgspec.json.decode(b'{"version":3,"policy":"none"}', type=Config)
    assert config.spool_max_age_s == 28 * 24 * 3600
    assert config.batch_max_items >= 1
