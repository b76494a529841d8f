"""Device facts, against this machine's own tools and against recorded machines."""

import os
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta

from eucora_agent.collectors import device
from eucora_wire.sections.device import Device, OperatingSystem

SERVER = {
    "etc/os-release": 'NAME="Rocky Linux"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\nID="rocky"\n',
    "proc/sys/kernel/osrelease": "5.14.0-427.el9.aarch64\n",
    "proc/sys/kernel/arch": "aarch64\n",
    "proc/sys/kernel/hostname": "build-17\n",
    "proc/cpuinfo": "processor\t: 0\nprocessor\t: 1\n",
    "proc/stat": "cpu 1 2 3 4 5\nbtime 1795491857\n",
    "proc/meminfo": "MemTotal: 8000 kB\n",
    "sys/class/dmi/id/sys_vendor": "HPE\n",
    "sys/class/dmi/id/product_name": "ProLiant RL300 Gen11\n",
    "sys/class/dmi/id/chassis_type": "23\n",
    "sys/class/tpm/tpm0/tpm_version_major": "2\n",
    "etc/timezone": "Europe/Vienna\n",
}


def test_a_recorded_server_is_told_whole_and_what_it_lacks_is_absent(tree, asked):
    assert device.read(asked(tree(SERVER))).device == Device(
        os=OperatingSystem("Rocky Linux 9.4 (Blue Onyx)", "linux", "9.4", "5.14.0-427.el9.aarch64"),
        hostname="build-17",
        manufacturer="HPE",
        model="ProLiant RL300 Gen11",
        chassis="server",
        architecture="aarch64",
        cpu_count=2,
        memory_bytes=8_192_000,
        boot_time=datetime.fromtimestamp(1795491857, UTC),
        timezone="Europe/Vienna",
        vdi=False,
        tpm="2.0",
    )


def test_within_a_boot_the_first_boot_time_stands_when_the_clock_is_set(tree, asked):
    root = tree(SERVER)
    first = device.read(asked(root))
    tree({"proc/stat": "btime 1795491859\n"})
    assert device.read(asked(root, state=first.state)).device.boot_time == first.device.boot_time
    tree({"proc/stat": "btime 1795599999\n"})
    assert device.read(asked(root, state=first.state)).device.boot_time != first.device.boot_time


def test_the_time_zone_is_the_one_that_is_linked(tree):
    root = tree(SERVER)
    os.symlink("/usr/share/zoneinfo/America/New_York", root / "etc/localtime")
    assert device.timezone(root) == "America/New_York"


def test_this_machine_is_what_its_own_tools_print(asked):
    found = device.read(asked()).device
    said = subprocess.run(["uname", "-m", "-r"], capture_output=True, text=True, check=True).stdout.split()
    assert [found.os.build, found.architecture] == said
    assert (found.hostname, found.cpu_count) == (socket.gethostname(), os.cpu_count())
    booted = datetime.now(UTC) - timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    assert abs((found.boot_time - booted).total_seconds()) < 2
    assert subprocess.run(
        ["sh", "-c", ". /etc/os-release; echo $PRETTY_NAME"], capture_output=True, text=True
    ).stdout.strip() == (found.os.name)
