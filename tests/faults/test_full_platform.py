"""The platform's own disk is full, on a small file system mounted for the test: it is said, and the door opens again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device import enrol
from tests.faults.disk import small_disk
from tests.faults.test_named_failures import named, says, soon
from tests.platform import Up, platform_in

pytestmark = pytest.mark.timeout(240)
SIZE_MIB, RESERVE_MIB = 3072, 512


@pytest.fixture
def up(own_servers: None, tmp_path: Path) -> Iterator[Up]:
    reserve = str(RESERVE_MIB)
    with (
        small_disk(tmp_path / "small", SIZE_MIB) as folder,
        platform_in(folder, EUCORA_DISK_RESERVE_MIB=reserve) as platform,
    ):
        yield platform.start("--no-agent")


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
