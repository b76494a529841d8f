"""Crashes, each from the place where the system records it, and each told once."""

import os
from datetime import UTC, datetime

from eucora_agent.collectors import crashes

PATTERN = "proc/sys/kernel/core_pattern"
COREDUMP = "|/usr/lib/systemd/systemd-coredump %P %u %g %s %t %c %h"
FOLDER = "var/lib/systemd/coredump"
BOOT = "97852815b90344ddb6b40846a71ea6b0"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
US = int(NOW.timestamp()) * 1_000_000
KMSG = """\
6,10,1000,-;Linux version 6.1
 SUBSYSTEM=x
6,344,4135719766,-;evolution[22479]: segfault at 0 ip 7fe2c5185ad8 sp 7ffd12ba7298 error 4 in libc.so.6[167ad8,7fe2c5] \
likely on CPU 1 (core 1, socket 0)
6,345,4136000000,-;Code: e1 ff ff ff c3 66 2e 0f
4,350,4140000000,-;traps: Web Content[99] trap invalid opcode ip:7f1 sp:7ff error:0 in libxul.so[7f1000+5000]
4,351,4150000000,-;traps: divide[100] trap divide error ip:401136 sp:7ffd error:0 in divide[401000+1000]
"""


def told(found):
    return [(c.name, c.signal, c.module) for c in found.apps.crashes] if found.apps else []


def test_systemd_coredump_tells_by_the_names_of_its_files(tree, asked):
    root = tree(
        {
            PATTERN: COREDUMP,
            f"{FOLDER}/core.gnome-shell.1000.{BOOT}.2203.{US - 60_000_000}.zst": "",
            f"{FOLDER}/core.Isolated\\x20Web\\x20Co.1000.{BOOT}.4711.{US - 50_000_000}.lz4": "",
            f"{FOLDER}/core.ancient.0.{BOOT}.1.{US - 30 * 86_400_000_000}.zst": "",
            f"{FOLDER}/.#half-written": "",
        }
    )
    found = crashes.read(asked(root))
    assert [c.name for c in found.apps.crashes] == ["gnome-shell", "Isolated Web Co"]
    assert found.apps.crashes[0].time == datetime.fromtimestamp(NOW.timestamp() - 60, UTC)
    assert found.apps.crashes[0].core is True


def test_what_systemd_notes_beside_the_file_is_read(tree, asked, monkeypatch):
    name = f"{FOLDER}/core.python3.0.{BOOT}.7.{US - 1}.zst"
    root = tree({PATTERN: COREDUMP, name: ""})
    noted = {"user.coredump.signal": b"6", "user.coredump.exe": b"/usr/bin/python3.11"}
    monkeypatch.setattr(os, "getxattr", lambda file, name: noted[name])  # not every /tmp keeps attributes
    assert told(crashes.read(asked(root))) == [("python3.11", "SIGABRT", None)]


def test_apport_tells_by_the_head_of_its_report(tree, asked):
    facts = ("ProblemType: Crash", "ExecutablePath: /usr/bin/gedit", "Package: gedit 44.2-1", "Signal: 11")
    report = "\n".join((*facts, "CoreDump: base64", " H4sI", ""))
    root = tree(
        {
            PATTERN: "|/usr/share/apport/apport -p%p",
            "var/crash/_usr_bin_gedit.1000.crash": report,
            "var/crash/linux-image.0.crash": "ProblemType: KernelCrash\n",
            "var/crash/_usr_bin_gedit.1000.upload": "",
        }
    )
    os.utime(root / "var/crash/_usr_bin_gedit.1000.crash", (NOW.timestamp(), NOW.timestamp()))
    [crash] = crashes.read(asked(root)).apps.crashes
    assert (crash.name, crash.version, crash.signal, crash.time) == ("gedit", "44.2-1", "SIGSEGV", NOW)


def test_without_a_keeper_of_cores_the_kernels_log_tells(tree, asked):
    found = crashes.read(asked(tree({PATTERN: "core", "dev/kmsg": KMSG}), monotonic_s=4200.0))
    assert told(found) == [
        ("evolution", "SIGSEGV", "libc.so.6"),
        ("Web Content", "SIGILL", "libxul.so"),
        ("divide", "SIGFPE", "divide"),
    ]
    assert round((NOW - found.apps.crashes[0].time).total_seconds(), 3) == 64.28


def test_each_is_told_once_and_a_later_one_is_news(tree, asked):
    root = tree({PATTERN: "core", "dev/kmsg": KMSG})
    first = crashes.read(asked(root, monotonic_s=4200.0))
    again = crashes.read(asked(root, monotonic_s=4260.0, state=first.state))
    tree({"dev/kmsg": KMSG + "6,400,4250000000,-;late[7]: segfault at 0 ip 0 sp 0 error 4\n"})
    later = crashes.read(asked(root, monotonic_s=4260.0, state=again.state))
    assert (told(again), told(later)) == ([], [("late", "SIGSEGV", None)])


def test_many_crashes_are_told_in_portions_and_none_is_lost(tree, asked, monkeypatch):
    monkeypatch.setattr(crashes, "MOST", 2)
    root = tree({PATTERN: "core", "dev/kmsg": KMSG})
    first = crashes.read(asked(root, monotonic_s=4200.0))
    second = crashes.read(asked(root, monotonic_s=4200.0, state=first.state))
    assert [len(told(first)), told(second)] == [2, [("divide", "SIGFPE", "divide")]]
