"""SeaweedFS as a child: S3 with object lock, hardened so that no door but S3 can delete.

Object lock is enforced in the S3 gateway alone. By default the filer's and the master's HTTP ports and the gRPC ports
delete locked data without asking; so HTTP is off, every token is signed, and gRPC asks for a certificate that only
the server itself holds. Whoever can write its files as root or as its user can still remove them: the embedded server
is tamper-evident, by the digests that the platform keeps, and not more.
"""

import contextlib
import http.client
import json
import secrets as random
import signal
from collections.abc import Iterable
from pathlib import Path

from eucora import clock, secrets
from eucora.embedded.account import give
from eucora.embedded.binaries import weed
from eucora.embedded.certificates import mutual_tls
from eucora.embedded.datadir import DataDir
from eucora.embedded.ports import GRPC_OFFSET, is_free
from eucora.embedded.supervise import Program, plain_environment
from eucora.stores.sigv4 import Credentials, signed_headers

PORTS = ("s3", "s3-master", "s3-volume", "s3-filer", "s3-admin")
DATA_BUCKET, WORM_BUCKET = "eucora-data", "eucora-worm"
ADMIN, APP = "admin", "eucora"
_GRPC_PARTS = ("VOLUME", "MASTER", "FILER", "S3", "CLIENT", "ADMIN", "WORKER", "MSG_BROKER")
_TOKENS = tuple(f"WEED_JWT_{part}SIGNING_{kind}KEY" for part in ("", "FILER_") for kind in ("", "READ_"))


def program(data: DataDir, ports: dict[str, int]) -> Program:
    """The server; ready when both buckets are there and take an object."""
    folder = data.servers_folder("s3")
    data.servers_folder("s3/inner")
    for name, content in mutual_tls(clock.now()).items():
        _hand_over(data, folder / "inner" / name, content)
    _hand_over(data, folder / "inner" / "identities.json", json.dumps(_identities(data)).encode())
    admin = credentials(data, ADMIN)
    return Program(
        name="s3",
        argv=(str(weed(data.account)), *_arguments(ports)),
        log=data.own_folder("logs") / "s3.log",
        ready=lambda pid: is_ready(ports["s3"], admin),
        environment=_environment(),
        account=data.account,
        cwd=folder,
        # When we are killed it must not linger: asked to stop, it waits for volumes that may never answer. What it has
        # acknowledged survives a kill.
        orphan_signal=signal.SIGKILL,
        swept=lambda: sweep((ports[name] for name in PORTS), data.account.uid),
    )


def credentials(data: DataDir, identity: str) -> Credentials:
    """The keys of an identity: `admin` makes buckets, `eucora` reads and writes in them."""
    return Credentials(identity, data.secret(f"s3-{identity}.password"))


def usable(port: int, uid: int) -> bool:
    """Whether this port and its gRPC twin are free, and no socket file of another user stands in the way."""
    return is_free(port) and is_free(port + GRPC_OFFSET) and all(each.lstat().st_uid == uid for each in _sockets(port))


def sweep(ports: Iterable[int], uid: int) -> None:
    """Remove the socket files that it leaves in the system's temporary folder."""
    for each in (socket for port in ports for socket in _sockets(port)):
        with contextlib.suppress(FileNotFoundError):
            if each.lstat().st_uid == uid:
                each.unlink()


def _sockets(port: int) -> list[Path]:
    """Unix sockets that SeaweedFS names after its ports, wherever TMPDIR is; it hangs when it can't replace one."""
    folder = Path("/tmp")  # noqa: S108
    return [found for number in (port, port + GRPC_OFFSET) for found in folder.glob(f"seaweedfs-*-{number}.sock")]


def is_ready(port: int, admin: Credentials) -> bool:
    """Whether an object can be put; makes the two buckets when they are not there."""
    locked = {"x-amz-bucket-object-lock-enabled": "true"}
    return (
        _put(port, f"/{DATA_BUCKET}", {}, admin) in (200, 409)
        and _put(port, f"/{WORM_BUCKET}", locked, admin) in (200, 409)
        and _put(port, f"/{DATA_BUCKET}/.ready", {}, admin, b"a body, so that a volume is asked") == 200
    )


def _put(port: int, path: str, headers: dict[str, str], keys: Credentials, body: bytes = b"") -> int:
    host = f"127.0.0.1:{port}"
    signed = signed_headers("PUT", host, path, "", headers, body, keys, clock.now())
    server = http.client.HTTPConnection(host, timeout=1.5)
    try:
        server.request("PUT", path, body, signed)
        return server.getresponse().status
    except http.client.HTTPException as exc:
        raise ConnectionError(str(exc)) from exc
    finally:
        server.close()


def _arguments(ports: dict[str, int]) -> tuple[str, ...]:
    """Every flag each time: what is left out would be read from the `mini.options` of the last start."""
    flags = {
        "dir": "/proc/self/cwd",  # not ".": it takes the free space there for none
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "disableHttp": "true",
        "master.telemetry": "false",  # it phones home by default
        "webdav": "false",
        "admin.ui": "false",
        "admin.password": random.token_urlsafe(32),  # on argv, so it is anew each start and guards nothing of worth
        "s3.config": "inner/identities.json",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
        "s3.iam": "false",
        "volume.max": "0",
        "master.volumeSizeLimitMB": "256",
    }
    for part in ("master", "volume", "filer", "s3", "admin"):
        port = ports["s3" if part == "s3" else f"s3-{part}"]
        flags |= {f"{part}.port": str(port), f"{part}.port.grpc": str(port + GRPC_OFFSET)}
    return ("-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in flags.items()))


def _environment() -> dict[str, str]:
    tokens = {name: random.token_urlsafe(32) for name in _TOKENS}
    certificates = {f"WEED_GRPC_{part}_CERT": "inner/inner.pem" for part in _GRPC_PARTS}
    keys = {f"WEED_GRPC_{part}_KEY": "inner/inner.key" for part in _GRPC_PARTS}
    memory = {"GOMEMLIMIT": "300MiB", "HOME": "."}
    return plain_environment() | tokens | certificates | keys | memory | {"WEED_GRPC_CA": "inner/ca.pem"}


def _identities(data: DataDir) -> dict[str, object]:
    use = ["Read", "Write", "List", "Tagging", "GetObjectRetention", "PutObjectRetention"]
    return {
        "identities": [
            {
                "name": identity,
                "credentials": [{"accessKey": keys.access_key, "secretKey": keys.secret_key}],
                "actions": actions,
            }
            for identity, actions in ((ADMIN, ["Admin", *use]), (APP, use))
            for keys in (credentials(data, identity),)
        ]
    }


def _hand_over(data: DataDir, path: Path, content: bytes) -> None:
    secrets.write(path, content)
    give(data.account, path, 0o600)
