"""Free text leaves for no follower with a person, a place or a secret in it; and a mask costs nobody a server."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.pipeline.mask import PATHS, RULES, WITHHELD, mask, masked
from eucora.stores.ports import Line, Parcel, Span
from eucora_wire.registry import FIELDS

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SPOKEN = {
    "Accepted password for alice from 10.0.0.7 port 22 ssh2": ("alice", "10.0.0.7"),
    "Accepted publickey for alice from 2001:db8::5 port 22": ("alice", "2001:db8::5"),
    "session opened for user alice(uid=1000) by (uid=0)": ("alice", "1000"),
    "authentication failure; logname=bob uid=1000 ruser=bob rhost=pc-bob user=bob": ("bob", "1000"),
    r"C:\Users\Jane Doe\AppData\x.exe failed": ("Jane", "Doe"),
    r"open \\fileserver\private\jane\salary.xlsx": ("fileserver", "jane", "salary"),
    "open /home/karl/secret.txt: denied": ("karl",),
    "get https://karl:pa55@intra.example/a?person=karl#x": ("karl", "pa55"),
    "mail to jane.doe@example.org bounced": ("jane", "example.org"),
    "password=hunter2, token: 'abc def' api_key=\"q w\"": ("hunter2", "abc", "def", "q w"),
    "Authorization: Bearer abc.def": ("abc", "def"),
    r"EXAMPLE\jdoe logged in": ("jdoe",),
    "call +49 170 1234567 or 030 123456": ("170", "1234567", "123456"),
    "card 4111111111111111 declined": ("4111111111111111",),
    "link 52:54:00:12:34:56 up, fe80::1%eth0": ("52:54:00:12:34:56", "fe80::1"),
    "key eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef": ("eyJhbGci", "abcdef"),
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----": ("MIIE",),
    "id 3f2b8c9de1a24f6b8c9de1a24f6b8c9d seen": ("3f2b8c9d",),
}
HARMLESS = (
    "kernel: usb 1-1: new high-speed USB device number 5",
    "at 2026-11-26 12:30:45 took 12345678 bytes",
    "disk sda: 3 sectors reallocated (ATA error 51)",
    "nginx 1.26.3 reloaded in 0.25 s, exit code 0x0",
    "{name} of unit {unit} finished with status {code}",
)


@pytest.mark.parametrize("said", SPOKEN)
def test_what_names_a_person_a_place_or_a_secret_is_gone(said: str) -> None:
    assert not [word for word in SPOKEN[said] if word in mask(said)], mask(said)


@pytest.mark.parametrize("said", HARMLESS)
def test_what_harms_nobody_stays_as_it_is(said: str) -> None:
    assert mask(said) == said


ODD = ("user", "for ", "=", "<user>", "<", ">", "@", "\\", "/home/", "::", "1.2.3.4", "'")
pieces = st.sampled_from([*SPOKEN, *HARMLESS, *ODD])


@given(
    st.lists(st.one_of(pieces, st.text(alphabet="eyJ.:/\\@+0123456789abcdefusr -=", max_size=30)), max_size=8).map(
        "".join
    )
)
def test_no_rule_is_passed_over_that_would_have_found_something(said: str) -> None:
    changing = [needed for needed, pattern, instead in RULES if pattern.sub(instead, said) != said]
    assert not [needed for needed in changing if needed not in said]


@given(st.lists(st.one_of(pieces, st.text(max_size=12)), max_size=8).map("".join))
def test_masked_twice_is_masked_once_and_always_one_line(said: str) -> None:
    once = mask(said)
    assert mask(once) == once
    assert not any(ord(c) < 32 or c in "\x7f\u2028\u2029" for c in once)
    once.encode()


SLOW = ("a", "@", "\\", "user ", "a.b@", "1", ":", "-----BEGIN A-----", "/home/", "eyJ", "a://", "'", "+1 ", "pwd='")


@pytest.mark.parametrize("part", SLOW)
def test_a_hundred_kilobytes_made_to_be_slow_are_masked_in_a_few_passes(part: str) -> None:
    found = mask(part * (100_000 // len(part)))
    assert len(found) <= 2_200_000


def line(kind: str, text: str, fields: dict[str, Any]) -> Parcel:
    row = Line(uuid.uuid4(), NOW, NOW, 1, 0, uuid.uuid4(), None, 1, text, fields)
    return Parcel([row], {1: {"kind": kind, "source": "x", "severity": "info"}})


def test_of_a_log_line_text_and_fields_pass_the_rules_and_what_a_key_calls_a_person_is_withheld() -> None:
    fields = {"user": "zoe", "src.host": "pc-zoe", "path": "/home/zoe/x", "code": "17", "ok": "true", "word": "fine"}
    (row,) = masked(line("log", "{user} from {path}, alice@example.org", fields), "lines").rows
    assert row.text == "{user} from {path}, <account>"
    assert row.fields == {
        "user": WITHHELD,
        "src.host": WITHHELD,
        "path": "/home/<user>/x",
        "code": "17",
        "ok": "true",
        "word": "fine",
    }


def test_at_home_means_that_only_facts_and_numbers_leave() -> None:
    (row,) = masked(line("log", "hello {who}", {"who": "zoe", "code": "17"}), "lines", "home").rows
    assert (row.text, row.fields) == ("", {"code": "17"})
    (row,) = masked(line("event", "screen broke", {"detail": "screen broke"}), "lines", "home").rows
    assert (row.text, row.fields) == ("", {})


def test_facts_of_the_device_pass_as_they_are() -> None:
    told = {"subject": "lib/x@1.2.3.4", "before": "1.2.3.4", "after": "10.20.30.40"}
    (row,) = masked(line("change", "lib/x@1.2.3.4 before 1.2.3.4", told), "lines", "home").rows
    assert (row.text, row.fields) == ("lib/x@1.2.3.4 before 1.2.3.4", told)
    crash = {"name": "a.out", "version": "1.2.3.4", "signal": "SIGSEGV", "module": "x\ny", "core": True}
    (row,) = masked(line("crash", "a.out crashed", crash), "lines").rows
    assert row.fields == {**crash, "module": "x y"}, "no line break leaves"


def test_attributes_of_spans_pass_the_rules() -> None:
    attributes = {"user": "zoe", "file": "/home/z/x"}
    row = Span(uuid.uuid4(), NOW, NOW, 1, 0, b"t" * 16, b"s" * 8, None, None, 1.0, "ok", attributes)
    (told,) = masked(Parcel([row], {1: {"name": "login"}}), "spans").rows
    assert told.attributes == {"user": WITHHELD, "file": "/home/<user>/x"}


def test_every_free_text_of_the_contract_that_becomes_a_line_is_known_here() -> None:
    named = {path for paths in PATHS.values() for path in paths.values()}
    free = {
        path
        for path, field in FIELDS.items()
        if field.mask != "none" and path.split(".")[0] in ("logs", "events", "changes", "deployments")
    }
    assert free <= named
    assert named <= FIELDS.keys()
