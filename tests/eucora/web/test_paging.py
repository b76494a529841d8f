"""Tokens of pages come back as they were, and nothing else is taken for one."""

import contextlib
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.problems import Refused
from eucora.web.paging import cut, key, token

Key = tuple[datetime, int, str, uuid.UUID]


# A column holds neither a NUL character nor half of a pair, so no key has one.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@given(st.tuples(st.datetimes(timezones=st.just(UTC)), st.integers(0, 2**53), texts, st.uuids()))
def test_a_token_is_the_key_again(given_key: Key) -> None:
    assert key(token(given_key), Key) == given_key


@given(st.text(max_size=60))
def test_no_other_text_is_a_token(text: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(key(text, uuid.UUID), uuid.UUID)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("a\x00b", str),
        (("deb", "a\x00", "", ""), tuple[str, str, str, str]),
        (2**63, int),
        ((1, -(2**63) - 1), tuple[int, int]),
    ],
)
def test_a_token_of_what_no_column_holds_is_refused(written: object, kind: object) -> None:
    with pytest.raises(Refused, match="not the token of a page"):
        key(token(written), kind)


def test_no_token_is_the_first_page() -> None:
    assert key(None, uuid.UUID) is None


@pytest.mark.parametrize(("count", "follows"), [(0, False), (2, False), (3, True)])
def test_a_page_says_whether_another_one_follows(count: int, follows: bool) -> None:
    page = cut(list(range(count)), 2, lambda item: item)
    assert (len(page.items), page.next is not None) == (min(count, 2), follows)
    if follows:
        assert key(page.next, int) == 1
