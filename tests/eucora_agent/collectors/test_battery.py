"""Batteries of a recorded laptop with two of them, and a mouse that has one too."""

from eucora_agent.collectors import battery
from eucora_wire.sections.hardware import Battery

SUPPLY = "sys/class/power_supply"
LAPTOP = {
    f"{SUPPLY}/AC/type": "Mains\n",
    f"{SUPPLY}/AC/online": "0\n",
    f"{SUPPLY}/BAT0/type": "Battery\n",
    f"{SUPPLY}/BAT0/present": "1\n",
    f"{SUPPLY}/BAT0/capacity": "97\n",
    f"{SUPPLY}/BAT0/cycle_count": "212\n",
    f"{SUPPLY}/BAT0/energy_full": "44000000\n",
    f"{SUPPLY}/BAT0/energy_full_design": "50000000\n",
    f"{SUPPLY}/BAT1/type": "Battery\n",
    f"{SUPPLY}/BAT1/capacity": "40\n",
    f"{SUPPLY}/BAT1/cycle_count": "0\n",
    f"{SUPPLY}/BAT2/type": "Battery\n",
    f"{SUPPLY}/BAT2/present": "0\n",
    f"{SUPPLY}/BAT2/capacity": "0\n",
    f"{SUPPLY}/hidpp_battery_0/type": "Battery\n",
    f"{SUPPLY}/hidpp_battery_0/scope": "Device\n",
    f"{SUPPLY}/hidpp_battery_0/capacity": "5\n",
}


def test_own_batteries_are_told_and_the_lowest_stands_out(tree, asked):
    found = battery.read(asked(tree(LAPTOP))).hardware
    assert found.batteries == (
        Battery("BAT0", 97.0, cycles=212, capacity=88.0, plugged=False),
        Battery("BAT1", 40.0, plugged=False),
    )
    assert found.battery == 40.0


def test_without_a_charger_in_sight_the_battery_says_whether_it_charges(tree, asked):
    root = tree(
        {f"{SUPPLY}/BAT0/type": "Battery", f"{SUPPLY}/BAT0/capacity": "50", f"{SUPPLY}/BAT0/status": "Charging"}
    )
    assert battery.read(asked(root)).hardware.batteries[0].plugged is True
