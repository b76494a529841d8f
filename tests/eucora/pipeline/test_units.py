"""Units: one table, an inverse and an order for each; the worst of many; values that can't be in the unit they name."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.pipeline import units
from eucora.pipeline.units import OutOfRange, canonical, normalise_hardware, stated
from eucora_wire.registry import METRICS
from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume

NUMBERS = st.floats(-1e9, 1e9)
NAMES = st.sampled_from(sorted(units.UNITS))


@given(NUMBERS, NAMES)
def test_stating_a_canonical_value_gives_the_value_again(value, unit):
    assert math.isclose(stated(canonical(value, unit), unit), value, rel_tol=1e-9, abs_tol=1e-6)


@given(NUMBERS, NUMBERS, NAMES)
def test_the_greater_stays_the_greater(a, b, unit):
    assert (a <= b) <= (canonical(a, unit) <= canonical(b, unit))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (212, "fahrenheit", 100.0),
        (-40, "fahrenheit", -40.0),
        (273.15, "kelvin", 0.0),
        (3262, "kelvin_tenths", 53.05),
        (25, "percent", 0.25),
        (0.25, "fraction", 0.25),
        (1500, "ms", 1.5),
        (100, "mbps", 1e8),
        (2, "kibibytes", 2048),
        (2, "mebibytes", 2**21),
    ],
)
def test_known_values(value, unit, expected):
    assert canonical(value, unit) == pytest.approx(expected)


def test_every_unit_of_the_registry_is_in_the_table():
    assert {field.unit for field in METRICS.values()} <= units.UNITS.keys()


def test_the_bounds_of_a_sensor_are_those_of_the_registry():
    [meta] = [
        meta for kind in Hardware.__annotations__["thermal"].__args__ for meta in getattr(kind, "__metadata__", ())
    ]
    assert (meta.ge, meta.le) == (units.COLDEST, units.HOTTEST)


def test_without_lists_there_is_nothing_to_do():
    plain = Hardware(cpu=3.0, thermal=54.0)
    assert normalise_hardware(plain) is plain


def test_what_is_canonical_already_stays_the_same_object():
    whole = Hardware(disk=50.0, volumes=(Volume("/", 100, 50),), thermal=40.0, sensors=(Sensor("cpu", 40.0),))
    assert normalise_hardware(whole) is whole


def test_the_worst_of_many_is_filled_in_and_all_are_in_canonical_units():
    found = normalise_hardware(
        Hardware(
            volumes=(Volume("C:", 1000, 200, "mebibytes"), Volume("D:", 10, 9, "kibibytes"), Volume("E:", 0, 0)),
            sensors=(Sensor("TZ00", 3262, "kelvin_tenths"), Sensor("CPU", 140.0, "fahrenheit")),
            batteries=(Battery("BAT0", 0.8, "fraction"), Battery("BAT1", 35.0)),
        )
    )
    assert (found.disk, found.thermal, found.battery) == (90.0, 60.0, 35.0)
    assert [(v.total, v.unit) for v in found.volumes] == [(1000 * 2**20, "bytes"), (10240, "bytes"), (0, "bytes")]
    assert [(s.value, s.unit) for s in found.sensors] == [(53.05, "celsius"), (60.0, "celsius")]
    assert [(b.charge, b.unit) for b in found.batteries] == [(80.0, "percent"), (35.0, "percent")]


def test_what_the_device_said_itself_is_kept():
    assert normalise_hardware(Hardware(disk=12.0, volumes=(Volume("/", 100, 90),))).disk == 12.0


@pytest.mark.parametrize(
    ("hardware", "path"),
    [
        (Hardware(sensors=(Sensor("a", 20.0), Sensor("b", 300.0))), "$.hardware.sensors[1].value"),
        (Hardware(sensors=(Sensor("a", 54.0, "kelvin_tenths"),)), "$.hardware.sensors[0].value"),
        (Hardware(batteries=(Battery("a", 97.0, "fraction"),)), "$.hardware.batteries[0].charge"),
        (Hardware(volumes=(Volume("/", 10, 11, "kibibytes"),)), "$.hardware.volumes[0].used"),
    ],
)
def test_a_value_that_can_not_be_in_its_unit_is_named_by_its_path(hardware, path):
    with pytest.raises(OutOfRange) as caught:
        normalise_hardware(hardware)
    assert caught.value.path == path


hardwares = st.builds(
    Hardware,
    volumes=st.lists(
        st.builds(
            lambda t, f, u: Volume("/", t, t * f, u),
            st.floats(0, 1e9),
            st.floats(0, 1),
            st.sampled_from(["bytes", "kibibytes", "mebibytes"]),
        ),
        max_size=3,
    ).map(tuple),
    sensors=st.lists(
        st.builds(
            lambda c, u: Sensor("s", stated(c, u), u),
            st.floats(-80, 200),
            st.sampled_from(["celsius", "fahrenheit", "kelvin", "kelvin_tenths"]),
        ),
        max_size=3,
    ).map(tuple),
    batteries=st.lists(st.builds(lambda c: Battery("b", c, "fraction"), st.floats(0, 1)), max_size=2).map(tuple),
)


@given(hardwares)
def test_settling_twice_is_settling_once_and_stays_within_the_contract(hardware):
    once = normalise_hardware(hardware)
    assert normalise_hardware(once) == once
    assert msgspec.convert(msgspec.to_builtins(once), Hardware) == once
