"""Below its reserve of free disk the door takes nothing, and takes the same bytes when there is room again."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.gateway.plane import Device, Start, told

from eucora.gateway.disk import DiskGuard, reserve_of
from eucora.problems import TryLater
from eucora.settings import MIB

GIB = 1024 * MIB


@given(setting_mib=st.integers(0, 2**30), total=st.integers(0, 2**60))
def test_a_reserve_is_never_below_256_mib(setting_mib: int, total: int) -> None:
    assert reserve_of(setting_mib, total) >= 256 * MIB
    assert reserve_of(setting_mib, total) >= setting_mib * MIB


@pytest.mark.parametrize(
    ("setting_mib", "total", "reserve"),
    [(0, 100 * GIB, 5 * GIB), (0, 1000 * GIB, 10 * GIB), (0, GIB, 256 * MIB), (2048, 1000 * GIB, 2 * GIB)],
)
def test_by_default_it_is_the_smaller_of_a_twentieth_and_10_gib(setting_mib: int, total: int, reserve: int) -> None:
    assert reserve_of(setting_mib, total) == reserve


def test_a_folder_on_a_disk_that_is_too_full_takes_nothing(tmp_path: Path) -> None:
    guard = DiskGuard(tmp_path, 2**40)
    with pytest.raises(TryLater) as told:
        guard.admit()
    assert told.value.slug == "disk-reserve"
    assert 30 <= told.value.retry_after_s <= 60


async def test_the_door_closes_when_the_disk_fills_and_opens_when_it_is_freed(
    start: Start, device: Device, tmp_path: Path
) -> None:
    free = os.statvfs(tmp_path)
    gateway = await start(disk_reserve_mib=free.f_bavail * free.f_frsize // MIB - 768)
    await device.good(gateway.device_url)
    sealed, large = device.batch(device.payload()), tmp_path / "large"
    with large.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * GIB)
    gateway.house.disk.look()
    try:
        told(await device.send(sealed, gateway.device_url), "disk-reserve")
    finally:
        large.unlink()
    gateway.house.disk.look()
    assert (await device.send(sealed, gateway.device_url)).json()["outcome"] == "appended"
