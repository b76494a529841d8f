"""Versity's S3 gateway over a folder: a second S3 server, with object lock and versions. Apache-2.0, built here."""

from tests.live import built, server

from eucora.embedded import seaweedfs
from eucora.stores.ports import S3Endpoint
from eucora.stores.sigv4 import Credentials

KEY, SECRET = "eucora", "hush-hush-hush"


class VersityGateway(server.Server):
    """One server and its data."""

    ready_path = "/health"

    def __init__(self) -> None:
        (port,) = server.free(1)
        settings = {"ROOT_ACCESS_KEY_ID": KEY, "ROOT_SECRET_ACCESS_KEY": SECRET}
        argv = (
            str(built.program(built.HERE / "versitygw")),
            "--port",
            f"127.0.0.1:{port}",
            "--health",
            "/health",
            "--quiet",
            "posix",
            "--versioning-dir",
            "{folder}/versions",
            "{folder}/data",
        )
        super().__init__("versitygw", argv, port, settings)
        for name in ("data", "versions"):
            (self.folder / name).mkdir()
        self.port, self.endpoint = port, S3Endpoint(self.url, KEY, SECRET)

    def is_ready(self) -> bool:
        """With its two buckets, which are made when they are not there."""
        try:
            return seaweedfs.is_ready(self.port, Credentials(KEY, SECRET))
        except OSError:
            return False
