"""Package URLs against the examples of the specification (types-doc/deb-definition.md, rpm-definition.md, PURL rules)."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.collectors.purl import purl


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            purl("deb", "debian", "curl", "7.50.3-1", arch="i386", distro="jessie"),
            "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
        ),
        (purl("deb", "debian", "attr", "1:2.4.47-2", arch="source"), "pkg:deb/debian/attr@1:2.4.47-2?arch=source"),
        (
            purl("deb", "Debian", "libstdc++6", "12.2.0-14+deb12u1~bpo", arch="amd64"),
            "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1~bpo?arch=amd64",
        ),
        (
            purl("rpm", "fedora", "curl", "7.50.3-1.fc25", arch="i386", distro="fedora-25"),
            "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
        ),
        (
            purl("rpm", "centos", "centerim", "4.22.10-1.el6", arch="i686", epoch="1", distro="fedora-25"),
            "pkg:rpm/centos/centerim@4.22.10-1.el6?arch=i686&distro=fedora-25&epoch=1",
        ),
    ],
)
def test_it_is_written_as_the_specification_has_it(made, expected):
    assert made == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_and_version_come_back(name, version):
    path = purl("deb", "debian", name, version).removeprefix("pkg:deb/debian/")
    assert [unquote(part) for part in path.split("@")] == [name, version]
