"""A statement holds for an outsider with public keys alone, and for nobody once anything in it was changed."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.eucora.journal.test_holes import payloads, told
from tests.eucora.line import Line, close_line, open_line

import eucora_verify
from eucora.journal.statement import Asked, state
from eucora.secrets import raw_public
from eucora_verify import Untrue, verify
from eucora_wire.sequence import Items, Lost, Tombstone

Lines = list[bytes]
ADDRESS = "https://eucora.example:8445"


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


async def stated(line: Line, device: Any, objects: Any = None) -> Lines:
    asked = Asked(line.installation, device.id, None, datetime.now(UTC), ADDRESS)
    whole = b"".join([piece async for piece in state(line.app, objects, line.secrets.audit, asked)])
    return whole.splitlines(keepends=True)


@pytest.fixture
async def statement(line: Line) -> tuple[Lines, bytes]:
    """Of a device that shed some, lost a batch, and still owes one."""
    device = await line.enrol()
    await told(line, device.batch(payloads(device, 3), items=Items(1, 5, (Tombstone(2, 3, "shed"),))))
    device.batch(payloads(device, 4))  # lost
    await told(line, device.batch(payloads(device, 2), lost=(Lost(2, 6, 9, "corrupt"),)))
    device.batch(payloads(device, 3))  # still owed
    await told(line, device.batch(payloads(device, 1)), device.batch(payloads(device, 2)))
    return await stated(line, device), raw_public(line.secrets.audit)


def test_it_tells_an_outsider_what_arrived_what_is_gone_and_what_is_missing(statement: tuple[Lines, bytes]) -> None:
    lines, key = statement
    found = verify(lines, key)
    assert found.batches == 4
    assert [each[1:] for each in found.gone] == [(2, 3), (6, 9)]
    assert [each[1:] for each in found.missing] == [(12, 14)]
    assert found.items == 5 + 4 + 2 + 1 + 2
    assert json.loads(lines[0])["address"] == ADDRESS  # signed with all the rest


def again(lines: Lines, key: Any, change: Callable[[Lines], Lines]) -> Lines:
    """Changed, and sealed anew as somebody would who holds the platform's key."""
    kept = change(lines[:-1])
    seal = json.loads(lines[-1])
    seal["signature"] = base64.b64encode(key.sign(hashlib.sha256(b"".join(kept)).digest())).decode()
    return [*kept, json.dumps(seal).encode() + b"\n"]


def edited(n: int, **values: Any) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        at = n % len(lines)
        told = json.loads(lines[at]) | values
        return [*lines[:at], json.dumps(told).encode() + b"\n", *lines[at + 1 :]]

    return change


def without(n: int) -> Callable[[Lines], Lines]:
    return lambda lines: [*lines[:n], *lines[n + 1 :]]


def swapped(lines: Lines) -> Lines:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def doubled(lines: Lines) -> Lines:
    return [*lines[:2], lines[1], *lines[2:]]


def hidden(lines: Lines) -> Lines:
    """The claim that nothing is missing."""
    end = json.loads(lines[-1])
    for claim in end["claims"]:
        claim["missing"] = []
    return [*lines[:-1], json.dumps(end).encode() + b"\n"]


def renumbered(lines: Lines) -> Lines:
    """A batch cut out, and the count of batches and claims made to fit by whoever holds the platform's key."""
    end = json.loads(lines[-1])
    end["batches"] -= 1
    return [*lines[:3], *lines[4:-1], json.dumps(end).encode() + b"\n"]


FORGERIES: dict[str, Callable[[Lines], Lines]] = {
    "a batch is cut out": without(2),
    "a batch is cut out, and the counts made to fit": renumbered,
    "two batches are exchanged": swapped,
    "a batch stands twice": doubled,
    "what is missing is hidden": hidden,
    "a batch's base is another": edited(2, base="x"),
    "another sequence is claimed": edited(2, sequence=9),
    "the device is another": edited(0, device="00000000-0000-4000-8000-000000000000"),
    "the keys are others": edited(0, keys=[]),
    "fewer batches are counted": edited(-1, batches=1),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_was_changed_does_not_hold_even_when_the_platform_seals_it_anew(
    line: Line, statement: tuple[Lines, bytes], forgery: str
) -> None:
    lines, key = statement
    forged = again(lines, line.secrets.audit, FORGERIES[forgery])
    with pytest.raises((Untrue, KeyError, ValueError)):
        verify(forged, key)


@pytest.mark.parametrize("n", range(6))
def test_no_line_can_be_changed_or_cut_by_who_does_not_hold_the_platforms_key(
    statement: tuple[Lines, bytes], n: int
) -> None:
    lines, key = statement
    for forged in (
        [*lines[:n], lines[n].replace(b"0", b"1", 1), *lines[n + 1 :]],
        lines[:n],
        [*lines[:n], *lines[n + 1 :]],
    ):
        if forged != lines:
            with pytest.raises((Untrue, KeyError, ValueError)):
                verify(forged, key)


def test_another_platforms_key_does_not_hold(statement: tuple[Lines, bytes]) -> None:
    with pytest.raises(Untrue, match="platform's signature"):
        verify(statement[0], b"\x01" * 32)


async def test_a_key_of_a_tpm_is_verified_too_and_whole_is_whole(line: Line) -> None:
    device = await line.enrol(key=ec.generate_private_key(ec.SECP256R1()))
    await told(line, device.batch(payloads(device, 2)), device.batch(payloads(device, 1)))
    found = verify(await stated(line, device), raw_public(line.secrets.audit))
    assert (found.batches, found.items, found.missing, found.gone) == (2, 3, [], [])


def test_as_a_command_it_ends_by_what_it_found(
    statement: tuple[Lines, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, key = statement
    file = tmp_path / "statement.jsonl"
    file.write_bytes(b"".join(lines))
    monkeypatch.setattr("sys.argv", ["eucora_verify", str(file), "--key", base64.b64encode(key).decode()])
    assert eucora_verify.main() == eucora_verify.MISSING
    assert "MISSING: 12 to 14" in capsys.readouterr().out
    file.write_bytes(b"".join(lines[1:]))
    assert eucora_verify.main() == eucora_verify.FALSE


def test_it_is_one_file_of_at_most_300_lines_that_needs_nothing_of_ours() -> None:
    text = Path(eucora_verify.__file__).read_text()
    assert len(text.splitlines()) <= 300
    assert "import eucora" not in text
    assert "from eucora" not in text
