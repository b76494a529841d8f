"""A token and a certificate request against an identity: once, in time, and on the record."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.eucora.gateway.plane import Enrol, Plane, csr_for, new_ed25519, new_p256, told

from eucora import clock
from eucora.secrets import raw_public
from eucora_wire.enrol import Enrolled
from eucora_wire.envelope import thumbprint


async def ask(plane: Plane, token: str, key: Any = None) -> httpx.Response:
    return await plane.ask("/v1/enrol", {"token": token, "csr": csr_for(key or new_ed25519())})


def identity(answer: httpx.Response) -> Enrolled:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Enrolled)


async def devices(plane: Plane) -> int:
    return int(await plane.pool.fetchval("SELECT count(*) FROM devices"))


# --- what is given --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new_key", [new_ed25519, new_p256])
async def test_a_device_is_given_all_that_it_needs(new_key: Callable[[], Any], plane: Plane) -> None:
    key, house = new_key(), plane.house
    given = identity(await ask(plane, await plane.token(), key))
    certificate = x509.load_pem_x509_certificate(given.certificate.encode())
    assert certificate.public_key() == key.public_key()
    assert house.authority.vouches_for(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [given.device_id.urn]
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert abs((given.expires - clock.now()).total_seconds() - 72 * 3600) < 60
    assert (given.installation, given.gateway) == (house.installation, plane.device_url)
    assert given.authorities == house.authority.trusted
    assert base64.b64decode(given.logon_key) == raw_public(house.secrets.logon)
    assert given.policy.startswith("sha-256=:")


async def test_an_enrolment_is_on_the_record_with_its_key_token_and_origin(plane: Plane) -> None:
    key, token = new_ed25519(), await plane.token()
    given = identity(await ask(plane, token, key))
    event = (await plane.acts("device.enrolled"))[-1]
    assert (event["devices"], event["outcome"], event["origin"]) == ([given.device_id], "done", "127.0.0.1")
    assert event["detail"]["key"] == thumbprint(key.public_key())
    assert token not in str(event)


# --- tokens ---------------------------------------------------------------------------------------------------------


async def test_a_token_for_one_device_enrols_one(plane: Plane) -> None:
    token = await plane.token(uses=1)
    identity(await ask(plane, token))
    told(await ask(plane, token), "bad-token")


async def test_a_token_for_three_devices_enrols_three(plane: Plane) -> None:
    token = await plane.token(uses=3)
    assert len({identity(await ask(plane, token)).device_id for _ in range(3)}) == 3
    told(await ask(plane, token), "bad-token")


async def test_many_devices_race_for_the_last_use_and_one_wins(plane: Plane) -> None:
    token, before = await plane.token(uses=1), await devices(plane)
    answers = await asyncio.gather(*(ask(plane, token) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 11
    assert await devices(plane) == before + 1


async def test_the_same_key_and_token_again_is_the_same_device_and_costs_no_use(plane: Plane) -> None:
    token, key = await plane.token(uses=1), new_ed25519()
    first, again = identity(await ask(plane, token, key)), identity(await ask(plane, token, key))
    assert first.device_id == again.device_id
    assert [event["detail"]["again"] for event in (await plane.acts("device.enrolled"))[-2:]] == [False, True]


async def test_a_device_belongs_to_the_site_of_its_token_since_then(plane: Plane, owner: Any) -> None:
    token = await plane.token(uses=1)
    await owner.execute("UPDATE enrolment_tokens SET site = 'Lyon' WHERE uses_left = 1")
    device = identity(await ask(plane, token)).device_id
    assert await plane.pool.fetchval("SELECT site FROM devices WHERE device_id::text = $1::text", str(device)) == "Lyon"
    said = "SELECT value FROM device_fact_intervals WHERE device::text = $1 AND attribute = 'site' AND valid_to IS NULL"
    assert await plane.pool.fetchval(said, str(device)) == "Lyon"


async def test_the_same_key_at_once_is_one_device(plane: Plane) -> None:
    token, key = await plane.token(uses=4), new_ed25519()
    answers = await asyncio.gather(*(ask(plane, token, key) for _ in range(4)))
    found = {identity(answer).device_id for answer in answers if answer.status_code == 200}
    assert len(found) == 1
    assert {answer.status_code for answer in answers} <= {200, 400, 403, 503}


@pytest.mark.parametrize("end", ["expires_at = now()", "revoked_at = now()", "uses_left = 0"])
async def test_a_token_that_has_ended_enrols_nobody(end: str, plane: Plane, owner: Any) -> None:
    token = await plane.token(uses=5)
    identity(await ask(plane, token))
    await owner.execute(f"UPDATE enrolment_tokens SET {end}")
    before = await devices(plane)
    told(await ask(plane, token), "bad-token")
    assert await devices(plane) == before


async def test_the_key_of_a_revoked_device_does_not_come_in_again(plane: Plane, enrol: Enrol) -> None:
    device = await enrol(plane)
    await plane.pool.execute("UPDATE signers SET state = 'revoked', ended = now() WHERE device = $1", device.id)
    told(await ask(plane, await plane.token(), device.key), "revoked-device")


async def test_a_refused_key_costs_the_token_no_use(plane: Plane, enrol: Enrol) -> None:
    device, token = await enrol(plane), await plane.token(uses=1)
    await plane.pool.execute("UPDATE signers SET state = 'revoked', ended = now() WHERE device = $1", device.id)
    told(await ask(plane, token, device.key), "revoked-device")
    identity(await ask(plane, token))


# --- requests that are none -----------------------------------------------------------------------------------------


def rsa_csr() -> str:
    return csr_for(rsa.generate_private_key(65537, 2048))


def p384_csr() -> str:
    return csr_for(ec.generate_private_key(ec.SECP384R1()))


def csr_whose_signature_does_not_hold() -> str:
    """The key of somebody else, asked for without possessing it."""
    pem = csr_for(new_p256())
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def a_certificate() -> str:
    now, key = clock.now(), new_p256()
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def words() -> str:
    return "please"


def non_ascii() -> str:
    return "-----BEGIN CERTIFICATE REQUEST-----\nü\x00\n-----END CERTIFICATE REQUEST-----"


BAD = [rsa_csr, p384_csr, csr_whose_signature_does_not_hold, a_certificate, words, non_ascii]


@pytest.mark.parametrize("csr", BAD)
async def test_a_bad_request_for_a_certificate_is_refused_and_costs_no_use(
    csr: Callable[[], str], plane: Plane
) -> None:
    token = await plane.token(uses=1)
    document = told(await plane.ask("/v1/enrol", {"token": token, "csr": csr()}), "bad-request")
    assert document["detail"].startswith("$.csr")
    identity(await ask(plane, token))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"token": 7, "csr": "x"}', b'{"token": "x"}', b"\xff", b"[" * 50_000]
)
async def test_a_body_that_is_no_request_is_refused(body: bytes, plane: Plane) -> None:
    told(await plane.ask("/v1/enrol", body), "bad-request")


async def test_what_a_bad_body_held_is_not_repeated(plane: Plane) -> None:
    answer = await plane.ask("/v1/enrol", {"token": "t", "csr": "x", "hunter2": "hunter2"})
    told(answer, "bad-request")
    assert "hunter2" not in answer.text


async def test_a_token_with_a_nul_character_is_unknown(plane: Plane) -> None:
    told(await ask(plane, "a\x00b"), "bad-token")


async def test_a_large_body_is_refused(plane: Plane) -> None:
    told(await plane.ask("/v1/enrol", {"token": "x" * 70_000, "csr": "x"}), "too-large")


async def test_each_refusal_is_an_event_with_its_reason_and_origin(plane: Plane) -> None:
    before = len(await plane.acts("enrolment.refused"))
    await ask(plane, "guessed")
    await plane.ask("/v1/enrol", {"token": "guessed", "csr": "x"})
    events = (await plane.acts("enrolment.refused"))[before:]
    assert [event["detail"] for event in events] == [{"reason": "bad-token"}, {"reason": "bad-request"}]
    assert {(e["origin"], e["actor_kind"], e["outcome"], e["class"]) for e in events} == {
        ("127.0.0.1", "anonymous", "refused", "refusal")
    }


async def test_an_address_that_guesses_is_slowed_down(plane: Plane) -> None:
    full = 1200
    now_s = clock.monotonic()
    for _ in range(full):
        plane.house.origin_pace.take("203.0.113.9", now_s)
    with pytest.raises(Exception, match="too-fast"):
        plane.house.origin_pace.take("203.0.113.9", now_s)
    identity(await ask(plane, await plane.token()))


async def test_only_digests_of_tokens_are_kept(plane: Plane) -> None:
    token = await plane.token()
    rows = await plane.pool.fetch("SELECT * FROM enrolment_tokens")
    assert token not in str([dict(row) for row in rows])
