"""Sensors of a recorded laptop (Linux 6.x: coretemp, nvme, a fan controller with open inputs, ACPI zones)."""

from eucora_agent.collectors import temperature

LAPTOP = {
    "sys/class/hwmon/hwmon0/name": "coretemp\n",
    "sys/class/hwmon/hwmon0/temp1_input": "54000\n",
    "sys/class/hwmon/hwmon0/temp1_label": "Package id 0\n",
    "sys/class/hwmon/hwmon0/temp2_input": "51000\n",
    "sys/class/hwmon/hwmon1/name": "nvme\n",
    "sys/class/hwmon/hwmon1/temp1_input": "38850\n",
    "sys/class/hwmon/hwmon1/temp1_label": "Composite\n",
    "sys/class/hwmon/hwmon2/name": "nct6775\n",
    "sys/class/hwmon/hwmon2/temp1_input": "127500\n",
    "sys/class/hwmon/hwmon2/temp2_input": "-62000\n",
    "sys/class/hwmon/hwmon2/temp3_input": "99000\n",
    "sys/class/hwmon/hwmon2/temp3_fault": "1\n",
    "sys/class/hwmon/hwmon3/name": "acpitz\n",
    "sys/class/hwmon/hwmon3/temp1_input": "27800\n",
    "sys/class/thermal/thermal_zone0/type": "acpitz\n",
    "sys/class/thermal/thermal_zone0/temp": "27800\n",
    "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone1/temp": "55000\n",
    "sys/class/thermal/cooling_device0/type": "Processor\n",
}


def test_true_sensors_are_told_once_and_the_hottest_stands_out(tree, asked):
    found = temperature.read(asked(tree(LAPTOP))).hardware
    assert {s.name: s.value for s in found.sensors} == {
        "coretemp Package id 0": 54.0,
        "coretemp temp2": 51.0,
        "nvme Composite": 38.85,
        "acpitz temp1": 27.8,
        "x86_pkg_temp": 55.0,
    }
    assert found.thermal == 55.0
