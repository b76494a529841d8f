"""Permissions: unknown ones are refused, and what a token gets unasked changes nothing and names nobody."""

import pytest

from eucora.problems import Refused
from eucora.web.declare import declared
from eucora.web.scopes import READING, SCOPES, checked


def test_scopes_come_back_sorted_and_once() -> None:
    assert checked(("status.read", "audit.read", "status.read")) == ("audit.read", "status.read")


@pytest.mark.parametrize("scopes", [(), ("all",), ("status.read", "STATUS.READ"), ("*",)])
def test_none_and_unknown_ones_are_refused(scopes: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="bad-request"):
        checked(scopes)


def test_what_a_token_gets_unasked_only_reads_and_names_nobody() -> None:
    assert set(READING) < set(SCOPES)
    assert {scope.rpartition(".")[2] for scope in READING} == {"read"}
    assert "personal.read" not in READING


def test_a_permission_that_there_is_not_can_not_be_declared() -> None:
    with pytest.raises(KeyError):
        declared("devices.reed", "none")
