"""Virtual or not, against systemd-detect-virt on this machine and on recorded ones."""

import shutil
import subprocess
from pathlib import Path

import pytest

from eucora_agent.collectors import virtual

GUEST = "processor : 0\nflags : fpu vme hypervisor\n"
BARE = "processor : 0\nflags : fpu vme\n"
DMI = "sys/class/dmi/id"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"proc/cpuinfo": GUEST, f"{DMI}/sys_vendor": "VMware, Inc."}, "vmware"),
        ({"proc/cpuinfo": GUEST, f"{DMI}/sys_vendor": "QEMU"}, "qemu"),
        ({"proc/cpuinfo": GUEST, f"{DMI}/sys_vendor": "innotek GmbH", f"{DMI}/product_name": "VirtualBox"}, "oracle"),
        (
            {
                "proc/cpuinfo": GUEST,
                f"{DMI}/sys_vendor": "Microsoft Corporation",
                f"{DMI}/product_name": "Virtual Machine",
            },
            "microsoft",
        ),
        ({"proc/cpuinfo": GUEST, f"{DMI}/sys_vendor": "Amazon EC2"}, "amazon"),
        ({"proc/cpuinfo": BARE, f"{DMI}/sys_vendor": "Amazon EC2", f"{DMI}/product_name": "c5.metal"}, None),
        (
            {
                "proc/cpuinfo": BARE,
                f"{DMI}/sys_vendor": "Microsoft Corporation",
                f"{DMI}/product_name": "Surface Pro 9",
            },
            None,
        ),
        ({"proc/cpuinfo": GUEST, virtual.CLOCK_SOURCES: "kvm-clock tsc acpi_pm\n"}, "kvm"),
        ({"proc/cpuinfo": GUEST}, "vm-other"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"proc/cpuinfo": BARE, f"{DMI}/sys_vendor": "Dell Inc."}, None),
    ],
)
def test_a_machine_is_known_by_what_it_shows(tree, files, found):
    assert virtual.machine(tree(files)) == found


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"run/host/container-manager": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"proc/1/environ": b"PATH=/bin\0container=podman\0"}, "podman"),
        ({".dockerenv": ""}, "docker"),
        ({"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n"}, "wsl"),
        ({}, None),
    ],
)
def test_a_container_is_known_by_its_marks(tree, files, found):
    assert virtual.container(tree(files)) == found


def test_a_virtual_desktop_is_a_virtual_machine_with_such_an_agent(tree):
    root = tree({"proc/cpuinfo": GUEST, "usr/lib/vmware/viewagent/bin/x": ""})
    assert virtual.desktop(root)
    tree({"proc/cpuinfo": BARE})
    assert not virtual.desktop(root)


KINDS = {"none", "vm-other", *(kind for _, kind in virtual.VENDORS)}


@pytest.mark.parametrize(("option", "ours"), [("--container", virtual.container), ("--vm", virtual.machine)])
def test_this_machine_is_what_systemd_says(option, ours):
    found = ours(Path("/")) or "none"
    if tool := shutil.which("systemd-detect-virt"):
        assert found == subprocess.run([tool, option], capture_output=True, text=True).stdout.strip()
    else:
        assert found in KINDS | {"docker", "podman", "lxc", "oci", "containerd"}
