"""Who sits at the device is an id on the wire and a keyed hash on the disk; sessions begin and end once."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.eucora_agent.identities import LOGON, identity
from tests.eucora_agent.spooling import BOOT

from eucora_agent import people as module
from eucora_agent.collectors import Person
from eucora_agent.moment import Moment
from eucora_agent.people import People
from eucora_agent.problems import SpoolFull, TryLater
from eucora_wire.answer import LogonAnswer
from eucora_wire.clock import Boot

SINCE = datetime(2026, 11, 1, 8, tzinfo=UTC)
MIA, ADA = Person("mia", "1000", SINCE, "5"), Person("ada", "1001", SINCE, "6")
AT = Moment(Boot(BOOT, 100_000), 1_795_500_000_000)
DEVICE = uuid.uuid4()


class Platform:
    """Gives each account its id, or is away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, uuid.UUID | None]] = []
        self.away = False

    def __call__(self, person: Person, provisional: uuid.UUID | None, session: uuid.UUID) -> LogonAnswer:
        self.asked.append((person.account, provisional))
        if self.away:
            raise TryLater("away")
        return LogonAnswer(uuid.uuid5(BOOT, person.account))


def test_a_person_is_asked_for_once_and_known_after_a_restart(tmp_path: Path) -> None:
    platform, people = Platform(), People(tmp_path)
    seen = people.see((MIA,), DEVICE, AT, platform)
    assert seen.ended is None
    assert seen.begun is not None
    assert seen.begun.user_id == people.subject == uuid.uuid5(BOOT, "mia")
    assert people.see((MIA,), DEVICE, AT, platform).begun is None
    again = People(tmp_path).see((MIA,), DEVICE, AT, platform)
    assert again.begun == seen.begun  # the same session, by the same id
    assert platform.asked == [("mia", None)]


def test_an_id_that_a_full_disk_did_not_take_is_kept_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, people = Platform(), People(tmp_path)
    platform.away = True

    def full(*_: object) -> None:
        raise SpoolFull

    with monkeypatch.context() as changed:
        changed.setattr(module.durable, "write", full)
        people.see((MIA,), DEVICE, AT, platform)
    subject = people.subject
    people.see((MIA,), DEVICE, AT, None)
    again = People(tmp_path)
    again.see((MIA,), DEVICE, AT, platform)
    assert again.subject == subject is not None


def test_a_change_ends_one_session_and_begins_the_other(tmp_path: Path) -> None:
    platform, people = Platform(), People(tmp_path)
    first = people.see((MIA, ADA), DEVICE, AT, platform).begun
    seen = people.see((ADA, MIA), DEVICE, AT, platform)
    assert first is not None
    assert seen.ended is not None
    assert seen.begun is not None
    assert (seen.ended.session_id, seen.ended.user_id, seen.ended.end) == (first.session_id, first.user_id, AT.now)
    assert seen.begun.user_id == uuid.uuid5(BOOT, "ada")
    gone = people.see((), DEVICE, AT, platform)
    assert (gone.begun, people.subject) == (None, None)
    assert gone.ended is not None
    assert people.see((), DEVICE, AT, platform) == module.Seen(None, None)


def test_logging_on_again_is_another_session_of_the_same_person(tmp_path: Path) -> None:
    platform, people = Platform(), People(tmp_path)
    first = people.see((MIA,), DEVICE, AT, platform).begun
    seen = people.see((Person("mia", "1000", SINCE, "9"),), DEVICE, AT, platform)
    assert first is not None
    assert seen.ended is not None
    assert seen.begun is not None
    assert seen.begun.session_id != seen.ended.session_id == first.session_id
    assert seen.begun.user_id == first.user_id


def test_offline_a_provisional_id_stands_until_the_platform_gives_one(tmp_path: Path) -> None:
    platform, people = Platform(), People(tmp_path)
    platform.away = True
    first = people.see((MIA,), DEVICE, AT, platform).begun
    provisional = people.subject
    assert people.see((MIA,), DEVICE, AT, None).begun is None  # nobody is asked while the agent waits
    people = People(tmp_path)  # nor is another made up after a restart
    people.see((MIA,), DEVICE, AT, None)
    assert people.subject == provisional
    platform.away = False
    seen = people.see((MIA,), DEVICE, AT, platform)
    assert platform.asked == [("mia", None), ("mia", provisional)]
    assert first is not None
    assert seen.begun is not None
    assert seen.begun.session_id == first.session_id
    assert seen.ended is None
    assert people.subject == uuid.uuid5(BOOT, "mia") != provisional


def test_no_name_is_on_the_disk(tmp_path: Path) -> None:
    People(tmp_path).see((Person("maximiliane", "1000", SINCE, "5"),), DEVICE, AT, Platform())
    assert all(b"maximiliane" not in file.read_bytes() for file in tmp_path.iterdir())
    assert (tmp_path / "subjects.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"x": 1}', b"\xff\xff"])
def test_a_damaged_file_of_ids_only_asks_anew(tmp_path: Path, content: bytes) -> None:
    platform = Platform()
    People(tmp_path).see((MIA,), DEVICE, AT, platform)
    (tmp_path / "subjects.json").write_bytes(content)
    people = People(tmp_path)
    people.see((MIA,), DEVICE, AT, platform)
    assert people.subject == uuid.uuid5(BOOT, "mia")


def test_an_account_travels_sealed_to_the_platforms_key(monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    import msgspec

    from eucora_agent.people import INFO, SUITE, log_on
    from eucora_wire.answer import Account, LogonRequest

    sent: list[bytes] = []

    def signed(*asked: object) -> bytes:
        sent.append(asked[6])  # type: ignore[arg-type]
        return msgspec.json.encode(LogonAnswer(DEVICE))

    monkeypatch.setattr(module, "signed", signed)
    who = identity()
    answer = log_on(MIA, None, uuid.uuid4(), who=who, key=None, to=None, at=AT)  # type: ignore[arg-type]
    assert answer.subject == DEVICE
    request = msgspec.json.decode(sent[0], type=LogonRequest)
    assert b"mia" not in sent[0]
    opened = SUITE.decrypt(base64.b64decode(request.sealed), LOGON, INFO)
    assert msgspec.json.decode(opened, type=Account) == Account(name="mia", uid="1000")
