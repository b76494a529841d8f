"""Device facts of recorded machines, each with its source, become canonical words."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.pipeline.units import canonical
from eucora.pipeline.variants import manufacturer, normalise_device, stated
from eucora_wire.sections.device import Device, OperatingSystem

SAMPLES = Path(__file__).parents[2] / "samples"


def recorded(name: str) -> list[dict]:
    return tomllib.loads((SAMPLES / name).read_text())["sample"]


DEVICES = recorded("devices.toml")


@pytest.mark.parametrize("sample", DEVICES, ids=lambda s: s["said"].get("os", s["said"]).get("name", s["source"]))
def test_what_a_machine_says_becomes_canonical(sample):
    said, settled = (msgspec.convert(sample[part], Device) for part in ("said", "settled"))
    assert normalise_device(said) == settled


def test_the_samples_are_of_all_three_families_and_of_many_distributions():
    names = {
        s["settled"]["os"]["name"].split()[0]: s["settled"]["os"]["family"] for s in DEVICES if "os" in s["settled"]
    }
    assert set(names.values()) == {"windows", "macos", "linux"}
    assert sum(family == "linux" for family in names.values()) >= 12
    assert all(s["source"] for s in DEVICES)


@pytest.mark.parametrize("sample", recorded("thermal.toml"), ids=lambda s: f"{s['value']} {s['unit']}")
def test_recorded_temperatures_become_celsius(sample):
    assert canonical(sample["value"], sample["unit"]) == pytest.approx(sample["celsius"])


words = st.one_of(
    st.sampled_from(["Microsoft Windows 10 Pro", "macOS", "14.1 (23B74)", "Ubuntu 22.04.1 LTS", "Dell Inc."]),
    st.text(max_size=60),
)
some = st.one_of(st.none(), words)
devices = st.builds(
    Device,
    os=st.one_of(
        st.none(),
        st.builds(
            OperatingSystem,
            name=words,
            family=st.sampled_from([None, "windows", "macos", "linux", "other"]),
            version=some,
            build=some,
        ),
    ),
    manufacturer=some,
    model=some,
    serial=some,
    architecture=some,
)


@given(devices)
def test_settling_twice_is_settling_once(device):
    once = normalise_device(device)
    assert normalise_device(once) == once


@pytest.mark.parametrize(
    "said", ["0", "00000000", "FFFFFFFF", "....", "123456789", "0123456789", " - ", "Default string", "NONE", "N/A"]
)
def test_a_placeholder_is_absent(said):
    assert stated(said) is None


@pytest.mark.parametrize("said", ["PF2ABCDE", "VMware-56 4d 60 49", "0123456", "CZJ02901TG", "F0F0F0F1"])
def test_a_serial_number_stays(said):
    assert stated(said) == said


def test_a_maker_that_is_not_known_loses_its_legal_form_only():
    assert manufacturer("Star Labs Systems, Inc.") == "Star Labs Systems"
    assert manufacturer("TUXEDO Computers GmbH") == "TUXEDO Computers"
