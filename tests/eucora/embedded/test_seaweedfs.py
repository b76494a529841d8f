"""No door but S3 deletes. Each door that SeaweedFS opens is tried; the object that is locked must still be there."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from eucora import clock
from eucora.embedded import seaweedfs
from eucora.embedded.binaries import weed
from eucora.embedded.start import Embedded
from eucora.problems import EucoraError, Refused
from eucora.stores.ports import Stored
from eucora.stores.s3 import S3Objects

BODY = b"evidence"
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # RFC 9113: preface, empty SETTINGS


@pytest.fixture
async def worm(embedded: Embedded) -> AsyncIterator[S3Objects]:
    assert embedded.s3 is not None
    bucket = S3Objects(embedded.s3, seaweedfs.WORM_BUCKET)
    yield bucket
    await bucket.close()


@pytest.fixture
async def locked(worm: S3Objects) -> AsyncIterator[Stored]:
    """An object under COMPLIANCE for as long as the test; it must be whole at the end of each."""
    until = clock.now() + timedelta(seconds=60)
    stored = await worm.put(f"locked/{clock.now().isoformat()}", BODY, locked_until=until)
    assert stored is not None
    assert stored.version
    yield stored
    assert await worm.get(stored.key, stored.version) == BODY


@pytest.fixture
def ports(embedded: Embedded) -> dict[str, int]:
    return json.loads((embedded.data.path / "ports.json").read_text())


async def test_s3_itself_refuses_to_delete_a_locked_version(worm: S3Objects, locked: Stored) -> None:
    with pytest.raises(Refused, match="locked"):
        await worm.delete(locked.key, locked.version)


async def test_a_lock_is_made_longer_and_never_shorter(worm: S3Objects, locked: Stored) -> None:
    await worm.lock(locked.key, clock.now() + timedelta(seconds=120), locked.version)
    with pytest.raises(Refused, match="longer"):
        await worm.lock(locked.key, clock.now() + timedelta(seconds=5), locked.version)
    with pytest.raises(Refused, match="locked"):
        await worm.delete(locked.key, locked.version)


async def test_a_plain_delete_and_an_overwrite_keep_the_locked_version(worm: S3Objects, locked: Stored) -> None:
    await worm.put(locked.key, b"other")
    await worm.delete(locked.key)
    assert await worm.get(locked.key) is None


async def test_http_on_every_port_but_s3_deletes_nothing(ports: dict[str, int], locked: Stored) -> None:
    ways = (
        ("DELETE", f"/buckets/eucora-worm/{locked.key}.versions?recursive=true"),
        ("DELETE", "/buckets/eucora-worm?recursive=true&ignoreRecursiveError=true"),
        ("POST", "/col/delete?collection=eucora-worm"),
        ("GET", "/col/delete?collection=eucora-worm"),
        ("DELETE", "/1,01637037d6"),
    )
    doors = [port for name, port in ports.items() if name in seaweedfs.PORTS and name != "s3"]
    for port in (*doors, *(port + seaweedfs.GRPC_OFFSET for port in doors)):
        for method, path in ways:
            assert ask(port, method, path) not in range(200, 300), (port, method, path)


async def test_s3_without_a_signature_deletes_nothing(ports: dict[str, int], locked: Stored) -> None:
    assert ask(ports["s3"], "DELETE", f"/eucora-worm/{locked.key}?versionId={locked.version}") == 403
    assert ask(ports["s3"], "DELETE", "/eucora-worm") == 403


async def test_every_inner_door_asks_for_a_certificate(ports: dict[str, int], locked: Stored) -> None:
    for name in seaweedfs.PORTS:
        address = ("127.0.0.1", ports[name] + seaweedfs.GRPC_OFFSET)
        with socket.create_connection(address, timeout=3) as plain:
            assert answer(plain) == b"", name
        stranger = tls().wrap_socket(socket.create_connection(address, timeout=3))
        with stranger, pytest.raises(ssl.SSLError) as told:
            answer(stranger)
        assert told.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED", name


async def test_the_unix_sockets_are_no_way_around(ports: dict[str, int], locked: Stored) -> None:
    found = [each for name in seaweedfs.PORTS for each in sockets_of(ports[name] + seaweedfs.GRPC_OFFSET)]
    assert len(found) >= 3
    for file in found:
        with socket.socket(socket.AF_UNIX) as plain, contextlib.suppress(PermissionError, ConnectionRefusedError):
            plain.settimeout(3)
            plain.connect(str(file))
            assert answer(plain) == b"", file


async def test_its_own_shell_gets_in_nowhere_without_the_certificate(
    embedded: Embedded, ports: dict[str, int], locked: Stored
) -> None:
    shell = (str(weed(embedded.data.account)), "shell", f"-master=127.0.0.1:{ports['s3-master']}")
    in_shell(
        shell, "lock", f"fs.rm -rf /buckets/eucora-worm/{locked.key}.versions", "s3.bucket.delete -name eucora-worm"
    )


async def test_the_applications_keys_neither_make_nor_remove_buckets(embedded: Embedded, locked: Stored) -> None:
    assert embedded.s3 is not None
    for name, act in (
        ("somebody-elses", lambda bucket: bucket.put("key", b"body")),
        (seaweedfs.WORM_BUCKET, lambda bucket: bucket.delete("")),
        (seaweedfs.DATA_BUCKET, lambda bucket: bucket.delete("")),
    ):
        bucket = S3Objects(embedded.s3, name)
        with pytest.raises(EucoraError):
            await act(bucket)
        await bucket.close()


def test_it_neither_phones_home_nor_listens_beyond_what_we_named(embedded: Embedded, ports: dict[str, int]) -> None:
    told = Path(f"/proc/{embedded.servers['s3'].pid}/cmdline").read_text().split("\0")
    assert {"-master.telemetry=false", "-disableHttp=true", "-webdav=false", "-admin.ui=false"} <= set(told)
    named = {ports[name] for name in seaweedfs.PORTS}
    assert listening(embedded.servers["s3"].pid) <= named | {port + seaweedfs.GRPC_OFFSET for port in named}


def test_a_socket_file_of_another_user_makes_a_port_unusable() -> None:
    file = Path("/tmp/seaweedfs-volume-grpc-25001.sock")
    file.touch()
    try:
        assert seaweedfs.usable(15001, os.geteuid())
        assert not seaweedfs.usable(15001, os.geteuid() + 1)
        seaweedfs.sweep([15001], os.geteuid() + 1)
        assert file.exists()
        seaweedfs.sweep([15001], os.geteuid())
        assert not file.exists()
    finally:
        file.unlink(missing_ok=True)


def ask(port: int, method: str, path: str) -> int:
    """The status of the answer; 0 when there is none."""
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        server.request(method, path)
        return server.getresponse().status
    except (http.client.HTTPException, OSError):
        return 0
    finally:
        server.close()


def answer(connection: socket.socket) -> bytes:
    """What an HTTP/2 server says to a client that says hello."""
    connection.sendall(HTTP2)
    return connection.recv(100)


def sockets_of(port: int) -> list[Path]:
    return list(Path("/tmp").glob(f"seaweedfs-*-{port}.sock"))


def in_shell(shell: tuple[str, ...], *orders: str) -> None:
    """Give orders to SeaweedFS's shell for as long as it would have taken; without a master it waits for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(shell, input="\n".join((*orders, "exit\n")).encode(), capture_output=True, timeout=4, check=True)


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def listening(pid: int | None) -> set[int]:
    """The TCP ports on which a process listens."""
    sockets = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
