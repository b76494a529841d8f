"""Who is at the device, told under seal: a subject id comes back, and the name stays nowhere in clear."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.eucora.gateway.plane import Device, Enrol, Plane, told

from eucora import clock
from eucora.domains.audit import Act
from eucora.domains.devices import revocation
from eucora.domains.identity.mapping import MOST_DEVICES
from eucora.sealing import LOGON_INFO, SUITE
from eucora_wire.answer import Account, LogonAnswer


async def known(device: Device, account: Account, **changes: Any) -> LogonAnswer:
    answer = await device.log_on(account, **changes)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=LogonAnswer)


def somebody() -> Account:
    return Account(name=f"u-{uuid.uuid4().hex}", domain="CORP", uid="1000", display="Some Body")


async def test_an_account_becomes_a_subject_id_that_batches_may_name(plane: Plane, device: Device) -> None:
    found = await known(device, somebody())
    assert (found.mapped, found.user_devices, found.problem) == (True, 1, None)
    payload = device.payload(user_id=found.subject)
    answer = await device.send(device.batch(payload, subject=found.subject))
    assert answer.json()["accepted"] == 1
    assert (await plane.entries(device.stream))[0]["subject"] == found.subject


async def test_the_same_account_on_two_devices_is_one_person(plane: Plane, device: Device, enrol: Enrol) -> None:
    account, other = somebody(), await enrol(plane)
    first, second, again = await known(device, account), await known(other, account), await known(device, account)
    assert first.subject == second.subject == again.subject
    assert (first.user_devices, second.user_devices, again.user_devices) == (1, 2, 2)


async def test_the_same_name_in_another_domain_is_somebody_else(device: Device) -> None:
    account = somebody()
    elsewhere = msgspec.structs.replace(account, domain="LAB")
    assert (await known(device, account)).subject != (await known(device, elsewhere)).subject


async def test_a_provisional_id_is_resolved_to_the_person(plane: Plane, device: Device) -> None:
    provisional = uuid.uuid4()
    await device.send(device.batch(device.payload(user_id=provisional), subject=provisional))
    found = await known(device, somebody(), provisional=provisional)
    row = await plane.pool.fetchrow("SELECT user_id, provisional, device FROM subjects WHERE subject = $1", provisional)
    assert tuple(row) == (found.subject, True, device.id)


async def test_the_sixteenth_device_goes_on_without_the_mapping(plane: Plane, device: Device, enrol: Enrol) -> None:
    account = somebody()
    for n in range(1, MOST_DEVICES + 1):
        assert (await known(await enrol(plane), account)).user_devices == n
    found = await known(device, account)
    assert (found.mapped, found.user_devices, found.problem) == (False, 15, "too-many-devices")
    (event,) = await plane.acts("user.mapping-refused")
    assert (event["devices"], event["subject"], event["outcome"]) == ([device.id], found.subject, "refused")
    answer = await device.send(device.batch(device.payload(user_id=found.subject), subject=found.subject))
    assert answer.json()["accepted"] == 1


# --- refused --------------------------------------------------------------------------------------------------------


def to_another_key(plane: Plane, account: Account) -> str:
    key = X25519PrivateKey.generate().public_key()
    return base64.b64encode(SUITE.encrypt(msgspec.json.encode(account), key, LOGON_INFO)).decode()


def altered(plane: Plane, account: Account) -> str:
    sealed = bytearray(base64.b64decode(plane.seal_account(account)))
    sealed[-1] ^= 1
    return base64.b64encode(sealed).decode()


def cut_short(plane: Plane, account: Account) -> str:
    return plane.seal_account(account)[:16]


def not_sealed(plane: Plane, account: Account) -> str:
    return base64.b64encode(msgspec.json.encode(account)).decode()


def not_base64(plane: Plane, account: Account) -> str:
    return "§§§"


SEALS = [to_another_key, altered, cut_short, not_sealed, not_base64]


@pytest.mark.parametrize("seal", SEALS)
async def test_a_seal_that_does_not_open_is_refused(seal: Callable[[Plane, Account], str], device: Device) -> None:
    document = told(await device.log_on(somebody(), sealed=seal(device.plane, somebody())), "bad-request")
    assert document["detail"].startswith("$.sealed")
    await known(device, somebody())


@pytest.mark.parametrize(
    "account",
    [
        Account(name="a\x00b"),
        Account(name="ada", domain="CORP\x00"),
        Account(name="ada", uid="\x00"),
        Account(name="ada", display="Ada\x00"),
        Account(name=""),
        Account(name=" "),
    ],
)
async def test_an_account_without_a_name_or_with_a_nul_character_is_refused(account: Account, device: Device) -> None:
    told(await device.log_on(account), "bad-request")


async def test_a_seal_to_a_key_that_enrolment_did_not_name_is_refused(device: Device) -> None:
    document = told(await device.log_on(somebody(), key="hpke-x25519-0"), "bad-request")
    assert document["detail"].startswith("$.key")


async def test_a_request_from_yesterday_is_not_played_again(device: Device) -> None:
    body = b"{}"
    signed = device.signed("eucora-logon", body, eucora_clock=str(clock.to_ms(clock.now()) - 24 * 3600 * 1000))
    told(await device.client.post("/v1/logon", content=body, headers=signed), "bad-header")


async def test_a_revoked_device_learns_no_subject_id(plane: Plane, device: Device) -> None:
    account = somebody()
    await known(device, account)
    act = Act(act="device.revoked", audit_class="lifecycle", actor_kind="platform", actor="test")
    await revocation.revoke(plane.pool, device.id, act, clock.now())
    told(await device.log_on(account), "revoked-device")


async def test_a_large_body_is_refused(device: Device) -> None:
    told(await device.log_on(somebody(), sealed="x" * 70_000), "too-large")


async def test_a_refused_log_on_is_an_event_of_the_device(plane: Plane, device: Device) -> None:
    before = len(await plane.acts("logon.refused"))
    await device.log_on(Account(name=""))
    (event,) = (await plane.acts("logon.refused"))[before:]
    assert (event["devices"], event["detail"], event["outcome"]) == (
        [device.id],
        {"reason": "bad-request"},
        "refused",
    )


# --- the name -------------------------------------------------------------------------------------------------------


async def test_a_name_is_in_no_answer_no_log_line_and_in_clear_in_no_table(
    device: Device, owner: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = "Quaxwell"
    account = Account(name=planted, domain=f"{planted}-domain", uid=f"{planted}-uid", display=f"Mx {planted}")
    answers = [await device.log_on(account), await device.log_on(account), await device.log_on(account, key="x")]
    answers.append(await device.log_on(msgspec.structs.replace(account, display=f"{planted}\x00")))
    answers.append(await device.log_on(account, sealed=planted))
    answers.append(await device.log_on(account, provisional=planted))
    assert [answer.status_code for answer in answers] == [200, 200, 400, 400, 400, 400]
    captured = capfd.readouterr()
    said = "".join(answer.text for answer in answers) + captured.out + captured.err
    whole = said + await everything(owner)
    for form in forms_of(planted):
        assert form not in whole.casefold()


def forms_of(name: str) -> list[str]:
    """As text, as bytea shows it, and the plain hashes of which a name can be guessed."""
    plain = [name.encode(), name.casefold().encode()]
    hashes = [hashlib.new(kind, text).hexdigest() for kind in ("md5", "sha1", "sha256") for text in plain]
    return [name.casefold(), *(text.hex() for text in plain), *hashes]


async def everything(owner: Any) -> str:
    """Every row of every table, as text."""
    tables = await owner.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for table in tables:
        found += [row["row"] for row in await owner.fetch(f"SELECT t::text AS row FROM {table['name']} AS t")]
    assert len(found) > 10
    return "\n".join(found)
