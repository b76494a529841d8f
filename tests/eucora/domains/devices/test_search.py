"""What is typed becomes a search that holds no name."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.domains.devices.search import Search, accounts, parse
from eucora.problems import Refused
from eucora.sealing import pseudonym

SECRET = bytes(32)


def test_each_field_has_its_place() -> None:
    found = parse(
        'host:Anna serial:X user:anna model:"ThinkPad X1" os:Debian package:openssl state:revoked id:01A2', SECRET
    )
    assert found == Search(
        ids=("01a2",),
        hostname=(pseudonym(SECRET, "hostname", "anna"),),
        serial=(pseudonym(SECRET, "serial", "x"),),
        account=(pseudonym(SECRET, "account", "ANNA"),),
        model=("thinkpad x1",),
        os=("debian",),
        package=("openssl",),
        state=("revoked",),
    )


def test_a_bare_word_may_be_a_host_name_a_serial_or_a_beginning() -> None:
    (word,) = parse("Anna", SECRET).words
    assert (word.hostname, word.serial) == (pseudonym(SECRET, "hostname", "anna"), pseudonym(SECRET, "serial", "anna"))
    assert word.text == "anna"


def test_an_empty_query_is_everything() -> None:
    assert parse("", SECRET) == parse("  host: ", SECRET) == Search()


def test_the_persons_that_are_searched_are_known() -> None:
    assert accounts("os:debian user:anna user:'CORP\\bob' anna") == ["anna", "CORP\\bob"]


@pytest.mark.parametrize("text", ["colour:red", "host:'anna", "http://x"])
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="bad-request"):
        parse(text, SECRET)


@given(st.text(max_size=80))
def test_any_text_is_a_search_or_is_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(parse(text, SECRET), Search)
