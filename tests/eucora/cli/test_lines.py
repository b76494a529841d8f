"""Lines in words: every field once, in its place."""

from typing import Any

from eucora.cli.lines import told


def row(kind: str, text: str, count: int = 1, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "text": text, "fields": fields, "count": count}


def test_a_change_says_from_what_to_what_and_nothing_twice() -> None:
    text = "openssl before 3.0.15 after 3.0.16"
    assert told(row("change", text, subject="openssl", before="3.0.15", after="3.0.16")) == "openssl 3.0.15 → 3.0.16"
    assert told(row("change", "openssl after 3.0.16", subject="openssl", after="3.0.16")) == "openssl 3.0.16"
    assert told(row("change", "reboot", subject="reboot", reason="kernel")) == "reboot reason=kernel"


def test_a_field_stands_in_its_place_or_behind_the_text() -> None:
    assert told(row("log", "{who} is late", 3, who="the bus", by="5 min")) == "the bus is late by=5 min (3 times)"


def test_what_is_masked_says_nothing() -> None:
    assert told(row("change", "")) == ""
