"""The query language of `eucora devices`: `model:thinkpad os:debian user:anna`, words in any order, all of which must hold.

Host name, serial and user are sealed at rest: they are found by their whole value, case-folded, as keyed pseudonyms.
Model, operating system, site and package are found by the beginning of a name. A bare word may be any of them but a user.
"""

import shlex

from msgspec import Struct

from eucora.problems import Refused
from eucora.sealing import pseudonym

SEALED = {"host": "hostname", "serial": "serial", "user": "account"}
"""Field of the query -> kind of the pseudonym."""

OPEN = ("model", "os", "package", "state", "site")
FIELDS = ("id", *SEALED, *OPEN)


class Word(Struct, frozen=True):
    """A bare word: a whole host name or serial, or the beginning of a model, operating system or package name."""

    hostname: bytes
    serial: bytes
    text: str


class Search(Struct, frozen=True):
    """What a device must fulfil. Sealed values as pseudonyms; texts and ids in lower case, matched as prefixes."""

    ids: tuple[str, ...] = ()
    hostname: tuple[bytes, ...] = ()
    serial: tuple[bytes, ...] = ()
    account: tuple[bytes, ...] = ()
    model: tuple[str, ...] = ()
    os: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()


def parse(text: str, secret: bytes) -> Search:
    """A query as typed. Raises Refused (bad-request) for a field that there is not, or quotes left open."""
    found: dict[str, list[object]] = {}
    for name, value in _terms(text):
        if name in SEALED:
            found.setdefault(SEALED[name], []).append(pseudonym(secret, SEALED[name], value))
        elif name == "id":
            found.setdefault("ids", []).append(value.casefold())
        elif name in OPEN:
            found.setdefault(name, []).append(value.lower())
        else:
            found.setdefault("words", []).append(
                Word(pseudonym(secret, "hostname", value), pseudonym(secret, "serial", value), value.lower())
            )
    return Search(**{name: tuple(values) for name, values in found.items()})  # type: ignore[arg-type]


def accounts(text: str) -> list[str]:
    """The accounts that a query names: asking for a person is an act to be recorded."""
    return [value for name, value in _terms(text) if name == "user"]


def _terms(text: str) -> list[tuple[str, str]]:
    """(field, value) of each word; the field of a bare word is empty."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise Refused("bad-request", "a quote in the query is left open") from exc
    terms = []
    for word in words:
        name, colon, value = word.partition(":")
        if colon and name not in FIELDS:
            raise Refused("bad-request", f"fields of a query are {', '.join(FIELDS)}")
        terms.append((name, value) if colon else ("", word))
    return [(name, value) for name, value in terms if value]
