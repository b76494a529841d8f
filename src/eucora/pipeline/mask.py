"""Free text, before it leaves the archive for a follower: what may name a person, a place or a secret is replaced.

Which fields are free text is said by the registry (`mask` of `eucora_wire.fields`): those pass these rules; what it
classes as a fact of the device passes as it is. Rules are linear in the text: every repetition is bounded. A line that the
rules can't settle is withheld whole. The rules err towards hiding: "user not" becomes "user <user>".
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

from msgspec.structs import replace

from eucora.stores.ports import Kind, Line, Parcel, Span
from eucora_wire.registry import FIELDS

Text = Literal["masked", "home"]
"""masked: free text passes the rules · home: it stays in the archive."""

WITHHELD = "<withheld>"
SAID_AGAIN = 300
"""Texts of so many characters are remembered, masked."""
MOST_PASSES = 6
"""Hiding one thing may bare another beside it: rules are applied until nothing changes."""

PERSON = re.compile(
    r"(?i)(?:^|[._:-])(?:user|usr|uid|auid|ruser|user_?name|login|log_?name|account|acct|owner|name|full_?name|"
    r"display_?name|mail|e_?mail|phone|host|host_?name|rhost|client|sender|recipient|subject|password|passwd|secret|token|"
    r"key|cookie|session|address|addr|ip)$"
)
"""Keys of log fields whose values name somebody or open something, whatever they look like."""

NUMBER = re.compile(r"[+-]?[0-9]{1,8}(?:\.[0-9]{1,9})?|true|false")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_VALUE = r"(?:\"[^\"]{0,300}\"|'[^']{0,300}'|[^\s,;\"'<>(){}\[\]]{1,300})"


def _address(found: re.Match[str]) -> str:
    try:
        ipaddress.IPv6Address(found[0].partition("%")[0])
    except ValueError:
        return found[0]
    return "<ip>"


def _token(found: re.Match[str]) -> str:
    digits = sum(c.isdigit() for c in found[0])
    return "<token>" if digits >= 4 and digits < len(found[0]) else found[0]


RULES: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("-----BEGIN ", re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*"), "<secret>"),
    ("eyJ", re.compile(r"\beyJ[\w-]{8,4000}\.[\w-]{2,4000}(?:\.[\w-]{0,4000})?"), "<secret>"),
    ("", re.compile(rf"(?i)\b(bearer|basic)\s{{1,3}}(?!<){_VALUE}"), r"\1 <secret>"),
    (
        "",
        re.compile(
            rf"(?i)(pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|cookie|credentials?)"
            rf"([\"']?\s{{0,3}}[:=]\s{{0,3}})(?!<){_VALUE}"
        ),
        r"\1\2<secret>",
    ),
    ("://", re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)[^\s/@<>]{1,200}@"), r"\1<account>@"),
    (
        "://",
        re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s?#\"']{1,400})[?#](?!<)[^\s\"'<>]{1,2000}"),
        r"\1?<query>",
    ),
    ("@", re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"), "<account>"),
    (
        ":\\",
        re.compile(r"(?i)([a-z]:\\(?:users|documents and settings)\\)(?!<)[^\\/:*?\"<>|]{1,64}(?=\\|$|[\"'])"),
        r"\1<user>",
    ),
    (":\\", re.compile(r"(?i)([a-z]:\\(?:users|documents and settings)\\)(?!<)[^\\/:*?\"<>|\s]{1,64}"), r"\1<user>"),
    ("\\\\", re.compile(r"\\\\[\w.$-]{1,64}\\[^\s\"'<>|]{1,256}"), "<path>"),
    ("/", re.compile(r"(/(?:home|Users|export/home|var/home|media|run/media)/)(?!<)[^/\s\"':;,<>]{1,64}"), r"\1<user>"),
    ("/run/user/", re.compile(r"(/run/user/)[0-9]{1,12}"), r"\1<user>"),
    ("\\", re.compile(r"(?<![\\\w.])[A-Za-z0-9][\w.-]{0,63}\\[\w.$-]{1,64}(?![\\\w])"), "<account>"),
    (
        "",
        re.compile(
            rf"(?i)\b(user(?:_?name)?|account|acct|log_?(?:in|name)|owner|ruser|rhost|[ae]?uid|e?gid|sender|recipient|host(?:_?name)?)"
            rf"(\s{{0,2}}[=:]\s{{0,2}}|\s{{1,2}})(?!<|user\b|for\b|by\b|name\b){_VALUE}"
        ),
        r"\1\2<user>",
    ),
    (
        "",
        re.compile(
            rf"(?i)\b((?:password|publickey|keyboard-interactive(?:/pam)?|session|logged|opened|closed|changed|owned)"
            rf"\s{{1,2}}(?:for|by|of|in|out|to)\s{{1,2}})(?!<|user\b|invalid\b){_VALUE}"
        ),
        r"\1<user>",
    ),
    (".", re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]?[0-9])"), "<ip>"),
    ("", re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])"), "<mac>"),
    (":", re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:%\w{1,16})?(?![\w:])"), _address),
    ("", re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_=-]{24,4096}"), _token),
    ("+", re.compile(r"(?<![\w.])\+[0-9](?:[ ()/.-]{0,2}[0-9]){6,18}(?![\w.])"), "<number>"),
    ("0", re.compile(r"(?<![\w.])0[0-9]{1,5}[ /-]{1,3}[0-9]{3,12}(?:[ -][0-9]{1,8}){0,4}(?![\w.])"), "<number>"),
    ("", re.compile(r"(?<![\w.])[0-9]{9,40}(?![\w.])"), "<number>"),
)
"""(what stands in every text that it changes, what it finds, what stands there instead)."""


def mask(text: str) -> str:
    """The text without what the rules find, on one line. Masked again it stays as it is."""
    return _said_again(text) if len(text) <= SAID_AGAIN else _settled(text)


def _settled(text: str) -> str:
    found = _on_one_line(text)
    for _ in range(MOST_PASSES):
        before = found
        for needed, pattern, instead in RULES:
            if needed in found:
                found = pattern.sub(instead, found)
        if found == before:
            return found
    return WITHHELD


_said_again = lru_cache(4_096)(_settled)
"""Templates and short values come again and again: the rules look at each once in a while."""


def masked(parcel: Parcel, kind: Kind, text: Text = "masked") -> Parcel:
    """The parcel as a follower may see it."""
    if kind == "lines":
        return replace(parcel, rows=[_line(row, parcel.shapes[row.shape]["kind"], text) for row in parcel.rows])
    if kind == "spans":
        return replace(parcel, rows=[_span(row, text) for row in parcel.rows])
    return parcel


def _line(row: Line, kind: str, text: Text) -> Line:
    return replace(row, text=_text(row.text, PATHS[kind]["text"], text), fields=_values(row.fields, kind, text))


def _span(row: Span, text: Text) -> Span:
    return replace(row, attributes=_values(row.attributes, "span", text))


PATHS: Mapping[str, Mapping[str, str]] = {
    "log": {"text": "logs.template", "": "logs.fields"},
    "event": {"text": "events.detail", "": "events.detail", "last": "events.last"},
    "change": {"text": "changes.reason", "": "changes.reason"}
    | {name: f"changes.{name}" for name in ("subject", "before", "after")},
    "crash": {"text": "apps.crashes.name", "": "apps.crashes.module"}
    | {name: f"apps.crashes.{name}" for name in ("name", "version", "signal", "core")},
    "span": {"": "spans.attributes"},
    "deployment": {"text": "deployments.job", "": "deployments.job"}
    | {name: f"deployments.{name}" for name in ("version", "outcome", "exit_code")},
}
"""Where the contract declares what stands in a line's text and fields (`pipeline/lines.py`); "": all other fields."""


def _values(fields: Mapping[str, Any], kind: str, text: Text) -> dict[str, Any]:
    """Fields as they may be told; free text that stays home is left out."""
    told = {}
    for name, value in fields.items():
        if isinstance(value, str):
            how = _treatment(kind, name)
            if how == "fact":
                value = _on_one_line(value)
            elif not NUMBER.fullmatch(value):
                if text == "home":
                    continue
                value = WITHHELD if how == "person" else mask(value)
        told[name] = value
    return told


@lru_cache(4_096)
def _treatment(kind: str, field: str) -> Literal["fact", "person", "free"]:
    """How a field's text is treated: as it is, withheld, or by the rules."""
    paths = PATHS[kind]
    if not _is_free(paths.get(field) or paths[""]):
        return "fact"
    return "person" if PERSON.search(field) else "free"


def _text(value: str, path: str, text: Text) -> str:
    if not _is_free(path):
        return _on_one_line(value)
    return mask(value) if text == "masked" else ""


def _on_one_line(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub(" ", text)


@lru_cache(1_024)
def _is_free(path: str) -> bool:
    return FIELDS[path].mask != "none"
