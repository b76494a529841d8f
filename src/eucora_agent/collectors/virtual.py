"""Whether this is a container or a virtual machine, and whose, in the words of systemd-detect-virt(1).

The facts (files, vendor strings) are those of systemd's src/basic/virt.c; CPUID is out of reach for a script, so the
hypervisor's clock source stands in for it.
"""

from pathlib import Path

from .dmi import said
from .files import words

VENDORS = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Google Compute Engine", "google"),
)
"""What a DMI string begins with, and what it means."""

DMI_NAMES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
CLOCKS = (("kvm-clock", "kvm"), ("hyperv", "microsoft"), ("xen", "xen"))
CLOCK_SOURCES = "sys/devices/system/clocksource/clocksource0/available_clocksource"
DESKTOP_AGENTS = (
    "usr/lib/vmware/viewagent",
    "usr/lib/omnissa/viewagent",
    "opt/Citrix/VDA",
    "opt/omnissa/horizon",
    "usr/share/nxserver",
    "usr/NX",
    "opt/teradici",
    "usr/lib/pcoip-agent",
)
"""Where virtual desktops keep their agents: Horizon, Citrix, NoMachine, PCoIP."""


def container(root: Path) -> str | None:
    """The container manager, None outside."""
    kernel = words(root, "proc/sys/kernel/osrelease") or ""
    if "Microsoft" in kernel or "WSL" in kernel:
        return "wsl"
    if (root / "proc/vz").exists() and not (root / "proc/bc").exists():
        return "openvz"
    told = words(root, "run/host/container-manager") or words(root, "run/systemd/container") or _of_first_process(root)
    if told:
        return told
    marks = (("run/.containerenv", "podman"), (".dockerenv", "docker"))
    return next((name for mark, name in marks if (root / mark).exists()), None)


def machine(root: Path) -> str | None:
    """The hypervisor, `vm-other` when only the processor tells, None on bare metal."""
    guest = _processor_says_guest(root)
    if guest is not False:
        for name in DMI_NAMES:
            text = said(root, name, 120) or ""
            if found := next((kind for start, kind in VENDORS if text.startswith(start)), None):
                return found
        if (
            said(root, "product_name", 120) == "Virtual Machine"
            and said(root, "sys_vendor", 120) == "Microsoft Corporation"
        ):
            return "microsoft"
    if words(root, "sys/hypervisor/type") == "xen":
        return "xen"
    clocks = words(root, CLOCK_SOURCES) or ""
    by_clock = next((kind for clock, kind in CLOCKS if clock in clocks), None)
    return by_clock or ("vm-other" if guest else None)


def desktop(root: Path) -> bool:
    """A virtual machine that carries the agent of a virtual desktop."""
    return machine(root) is not None and any((root / agent).exists() for agent in DESKTOP_AGENTS)


def _of_first_process(root: Path) -> str | None:
    """`container=` in the environment of process 1, which only root may read."""
    for entry in (words(root, "proc/1/environ") or "").split("\0"):
        if entry.startswith("container="):
            return entry.partition("=")[2] or None
    return None


def _processor_says_guest(root: Path) -> bool | None:
    """The `hypervisor` flag of x86; None where processors have no such flag."""
    for row in (words(root, "proc/cpuinfo") or "").splitlines():
        if row.startswith("flags"):
            return "hypervisor" in row.split()
    return None
