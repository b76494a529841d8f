"""dpkg's status, against dpkg itself on this machine and against a recorded one."""

import os
import subprocess

from eucora_agent.collectors import packages_dpkg
from eucora_wire.sections.software import Package

STATUS = """\
Package: jq
Status: install ok installed
Architecture: amd64
Version: 1.6-2.1
Description: lightweight JSON processor
 Version: 9 is not the version
 .

Package: nano
Status: deinstall ok config-files
Architecture: amd64
Version: 7.2-1

Package: libc6
Status: hold ok installed
Multi-Arch: same
Architecture: i386
Version: 2.36-9+deb12u10
"""
RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
RECORDED = {"var/lib/dpkg/status": STATUS, "etc/os-release": RELEASE}


def test_packages_on_the_disk_are_told_and_remains_of_removed_ones_are_not(tree, asked):
    found = packages_dpkg.read(asked(tree(RECORDED))).packages["dpkg"]
    assert found == (
        Package("jq", "1.6-2.1", None, "dpkg", "amd64", "pkg:deb/debian/jq@1.6-2.1?arch=amd64&distro=bookworm"),
        Package(
            "libc6",
            "2.36-9+deb12u10",
            None,
            "dpkg",
            "i386",
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=i386&distro=bookworm",
        ),
    )


def test_a_digest_is_taken_from_the_list_that_offers_exactly_this_version(tree, asked):
    offers = "".join(
        f"Package: jq\nVersion: {version}\nArchitecture: {arch}\nSHA256: {digit * 64}\n\n"
        for version, arch, digit in (("1.6-2.1", "amd64", "a"), ("1.6-2.2", "amd64", "b"), ("1.6-2.1", "arm64", "c"))
    )
    root = tree({**RECORDED, "var/lib/apt/lists/deb_main_binary-amd64_Packages": offers})
    assert [p.signature for p in packages_dpkg.read(asked(root)).packages["dpkg"]] == ["a" * 64, None]


def test_it_is_read_again_only_when_dpkg_wrote(tree, asked):
    root = tree(RECORDED)
    first = packages_dpkg.read(asked(root))
    assert packages_dpkg.read(asked(root, state=first.state)).packages == {}
    os.utime(root / "var/lib/dpkg/status", ns=(1, 1))
    assert packages_dpkg.read(asked(root, state=first.state)).packages == first.packages


def test_this_machine_has_the_packages_that_dpkg_lists(asked):
    rows = subprocess.run(
        ["dpkg", "-l"], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "500"}
    )
    listed = {tuple(row.split()[1:4]) for row in rows.stdout.splitlines() if row[1:2] == "i" and row[:1] in "iuh"}
    found = packages_dpkg.read(asked()).packages["dpkg"]
    assert {(p.name, p.version, p.architecture) for p in found} == {(n.partition(":")[0], v, a) for n, v, a in listed}
    assert len(found) == len(listed)
