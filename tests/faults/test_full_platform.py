"""The platform's own disk is full, on a small file system mounted for the test: it is said, and the door opens again."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device import enrol
from tests.faults.test_named_failures import named, says, soon
from tests.platform import Up, platform_in

pytestmark = pytest.mark.timeout(240)
SIZE_MIB, RESERVE_MIB = 3072, 512


@pytest.fixture
def up(own_servers: None, tmp_path: Path) -> Iterator[Up]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=755", "tmpfs", folder], check=True)
    try:
        with platform_in(folder, EUCORA_DISK_RESERVE_MIB=str(RESERVE_MIB)) as platform:
            yield platform.start("--no-agent")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_named_and_the_door_opens_again_when_there_is_room(up: Up, tmp_path: Path) -> None:
    (device,) = enrol(up, tmp_path, 1)
    assert "disk-full" not in named(up)
    free = os.statvfs(up.data_dir).f_bavail * os.statvfs(up.data_dir).f_frsize
    filler = up.data_dir.parent / "filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - RESERVE_MIB * 2**20 // 2)
    try:
        soon(lambda: "disk-full" in named(up), "disk-full")
        batch = device.seal([says(device)])
        soon(lambda: device.send(batch).status_code == 503, "what status says is so")
    finally:
        filler.unlink()
    soon(lambda: device.send(batch).status_code == 200, "there is room again", 30)
    soon(lambda: "disk-full" not in named(up), "it is over", 30)
    device.hang_up()
