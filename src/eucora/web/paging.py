"""Keyset paging: an answer holds some items and the token of the page behind them; the token is opaque to everybody."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Struct

from eucora.problems import Refused

T = TypeVar("T")
MOST = 1000

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=MOST, description="Items on a page")]
After: TypeAlias = Annotated[str | None, QueryParameter(max_length=500, description="`next` of the page before")]


class Page(Struct, Generic[T], frozen=True):
    """`next` goes into `after` of the next request; null on the last page."""

    items: tuple[T, ...]
    next: str | None = None


def token(key: Any) -> str:
    """The key of the last item on a page, as text."""
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def key(text: str | None, kind: Any) -> Any:
    """The inverse of `token`; None for the first page. Raises Refused (bad-request) for one that is none of ours."""
    if text is None:
        return None
    try:
        found = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (msgspec.DecodeError, ValueError) as exc:
        raise Refused("bad-request", "after is not the token of a page") from exc
    if not _holdable(found):
        raise Refused("bad-request", "after is not the token of a page")
    return found


def _holdable(part: Any) -> bool:
    """Whether columns hold it: a token is anybody's to write, and no key of ours has a NUL or more than 64 bits."""
    if isinstance(part, tuple):
        return all(map(_holdable, part))
    if isinstance(part, str):
        return "\x00" not in part
    return not isinstance(part, int) or -(2**63) <= part < 2**63


def cut(rows: list[T], limit: int, key_of: Callable[[T], Any]) -> Page[T]:
    """The page from one row more than it may hold: whether another page follows is then known without a count."""
    following = len(rows) > limit
    return Page(tuple(rows[:limit]), token(key_of(rows[limit - 1])) if following else None)
