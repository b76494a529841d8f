"""The doors are shut but for whom they are made: TLS 1.3, HTTP/2, our certificates, and then a signature."""

import asyncio
import dataclasses
import shutil
import socket
import ssl
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.eucora.gateway.plane import Device, Enrol, Plane, Start, free_ports, identity_file, new_p256, told

from eucora import clock
from eucora.gateway.app import DEVICE_PLANE
from eucora.gateway.authority import Authority, ensure_authority
from eucora.gateway.certificates import self_signed
from eucora.gateway.house import Gateway
from eucora.gateway.serve import serve
from eucora.problems import Misconfigured
from eucora_wire.problems import MEDIA_TYPE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS = 4
"""The type of the frame with which an HTTP/2 server says hello (RFC 9113 §6.5)."""


async def said(url: str, context: ssl.SSLContext, words: bytes = PREFACE) -> bytes:
    """What the door says to these first words; nothing when TLS ends it. In TLS 1.3 that may be after the handshake."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        writer.write(words)
        try:
            async with asyncio.timeout(5):
                return await reader.read(4096)
        finally:
            writer.close()
    except OSError:  # ssl.SSLError is one
        return b""


def speaking_h2(plane: Plane, identity: Path | None = None) -> ssl.SSLContext:
    context = plane.tls(identity)
    context.set_alpn_protocols(["h2"])
    return context


def copied(plane: Plane, folder: Path) -> Path:
    """The data directory once more, to be changed."""
    return Path(shutil.copytree(plane.ground.data_dir, folder / "data"))


# --- strangers ------------------------------------------------------------------------------------------------------


async def test_a_device_with_our_certificate_is_greeted(plane: Plane, device: Device) -> None:
    greeting = await said(plane.device_url, speaking_h2(plane, device.identity))
    assert greeting[3] == SETTINGS


def no_certificate(plane: Plane, folder: Path) -> Path | None:
    return None


def one_of_his_own(plane: Plane, folder: Path) -> Path:
    key, now = new_p256(), clock.now()
    own = self_signed("stranger", key, now, now + timedelta(hours=1))
    return identity_file(folder, own.public_bytes(Encoding.PEM).decode(), key)


def one_of_another_authority_of_our_name(plane: Plane, folder: Path) -> Path:
    key = new_p256()
    theirs = ensure_authority(folder / "other", "localhost")
    return identity_file(folder, theirs.sign_device(key.public_key(), uuid.uuid4(), clock.now(), 1).pem, key)


def an_expired_one(plane: Plane, folder: Path) -> Path:
    key, yesterday = new_p256(), clock.now() - timedelta(days=1)
    issued = plane.house.authority.sign_device(key.public_key(), uuid.uuid4(), yesterday, 1)
    return identity_file(folder, issued.pem, key)


def one_that_is_not_for_clients(plane: Plane, folder: Path) -> Path:
    authority = plane.house.authority
    file = folder / "server.pem"
    file.write_bytes(authority.server_file.read_bytes() + authority.server_key_file.read_bytes())
    return file


STRANGERS = [
    no_certificate,
    one_of_his_own,
    one_of_another_authority_of_our_name,
    an_expired_one,
    one_that_is_not_for_clients,
]


@pytest.mark.parametrize("certificate", STRANGERS)
async def test_a_stranger_hears_nothing_of_the_device_plane(
    certificate: Callable[[Plane, Path], Path | None], plane: Plane, device: Device, tmp_path: Path
) -> None:
    assert await said(plane.device_url, speaking_h2(plane, certificate(plane, tmp_path))) == b""
    await device.good()


@pytest.mark.parametrize("alpn", [["http/1.1"], []])
async def test_http_1_is_not_spoken(alpn: list[str], plane: Plane, device: Device) -> None:
    context = plane.tls(device.identity)
    if alpn:
        context.set_alpn_protocols(alpn)
    request = b"GET /v1/config HTTP/1.1\r\nhost: localhost\r\n\r\n"
    for url in (plane.device_url, plane.enrolment_url):
        assert b"HTTP/1" not in await said(url, context, request)
    await device.good()


async def test_tls_1_2_is_not_spoken(plane: Plane, device: Device) -> None:
    context = speaking_h2(plane, device.identity)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for url in (plane.device_url, plane.enrolment_url):
        assert await said(url, context) == b""


@pytest.mark.parametrize("path", DEVICE_PLANE)
async def test_a_certificate_alone_is_answered_nothing(path: str, device: Device) -> None:
    method = DEVICE_PLANE[path].method
    answer = await device.client.request(method, path, headers={"content-type": "application/json"})
    told(answer, "unsigned")


async def test_the_enrolment_listener_asks_for_no_certificate_and_offers_nothing_else(plane: Plane) -> None:
    async with httpx.AsyncClient(verify=plane.tls(), http2=True, base_url=plane.enrolment_url) as client:
        bundle = await client.get("/v1/authorities")
        assert (bundle.status_code, bundle.text) == (200, plane.house.authority.trusted)
        for path in DEVICE_PLANE:
            told(await client.get(path), "not-found")


# --- two authorities --------------------------------------------------------------------------------------------------


async def test_two_authorities_are_trusted_at_once_while_one_goes(
    plane: Plane, start: Start, enrol: Enrol, tmp_path: Path
) -> None:
    device, other = await enrol(plane), ensure_authority(tmp_path / "other", "localhost")
    data_dir = copied(plane, tmp_path)
    trusted = data_dir / "authority" / "trusted.pem"
    trusted.write_text(trusted.read_text() + (tmp_path / "other/authority/ca.pem").read_text())
    both = await start(data_dir=data_dir)
    issued = other.sign_device(device.key.public_key(), device.id, clock.now(), 1)
    theirs = identity_file(tmp_path, issued.pem, device.key)
    for identity in (device.identity, theirs):
        async with httpx.AsyncClient(verify=both.tls(identity), http2=True) as client:
            device.client = client
            await device.good(both.device_url)
    assert await said(plane.device_url, speaking_h2(plane, theirs)) == b""


# --- it fails closed --------------------------------------------------------------------------------------------------


def on_other_ports(plane: Plane, authority: Authority | None = None, **changes: Any) -> Gateway:
    """The gateway's house with ports of its own, and another authority."""
    device_port, enrolment_port = free_ports(2)
    ports = {"device_port": device_port, "enrolment_port": enrolment_port, **changes}
    settings = msgspec.structs.replace(plane.house.settings, **ports)
    return dataclasses.replace(plane.house, settings=settings, authority=authority or plane.house.authority)


async def refusing_to_start(house: Gateway) -> str:
    """Why it does not start. It must not have said that it is ready."""
    ready = asyncio.Event()
    with pytest.raises(Misconfigured) as why:
        await serve(house, asyncio.Event(), ready.set)
    assert not ready.is_set()
    return str(why.value)


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
async def test_without_an_authority_it_does_not_start(content: bytes | None, plane: Plane, tmp_path: Path) -> None:
    authority = ensure_authority(copied(plane, tmp_path), "localhost")
    authority.trusted_file.unlink()
    if content is not None:
        authority.trusted_file.write_bytes(content)
    house = on_other_ports(plane, authority)
    assert "the device plane stays closed" in await refusing_to_start(house)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", house.settings.device_port))


@pytest.mark.parametrize("taken", ["device_port", "enrolment_port"])
async def test_a_port_that_another_program_holds_is_named(taken: str, plane: Plane) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert str(port) in await refusing_to_start(on_other_ports(plane, **{taken: port}))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_every_answer_but_200_is_a_problem_document_and_one_to_head_has_no_body(
    method: str, device: Device
) -> None:
    for path in ("/", "/v1/%00", "/v1/telemetry?x=1", *DEVICE_PLANE):
        answer = await device.client.request(method, path)
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert bool(answer.content) == (method != "HEAD")
