"""Firmware's own words, of SMBIOS and of a device tree."""

import pytest

from eucora_agent.collectors import dmi

LAPTOP = {
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "20XWCTO1WW\n",
    "sys/class/dmi/id/product_serial": "PF2ABCDE\n",
    "sys/class/dmi/id/chassis_type": "10\n",
    "sys/class/dmi/id/bios_vendor": "LENOVO\n",
    "sys/class/dmi/id/bios_version": "N32ET75W (1.51 )\n",
}


def test_a_laptop_says_who_made_it_and_what_it_is(tree):
    root = tree(LAPTOP)
    assert (dmi.manufacturer(root), dmi.model(root), dmi.serial(root)) == ("LENOVO", "20XWCTO1WW", "PF2ABCDE")
    assert (dmi.chassis(root), dmi.firmware(root)) == ("laptop", "LENOVO N32ET75W (1.51 )")


def test_a_board_without_smbios_speaks_through_its_device_tree(tree):
    root = tree(
        {"proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.4\0", "proc/device-tree/serial-number": b"10000\0"}
    )
    assert (dmi.model(root), dmi.serial(root), dmi.chassis(root)) == ("Raspberry Pi 4 Model B Rev 1.4", "10000", None)


@pytest.mark.parametrize(
    ("number", "form"),
    [("3", "desktop"), ("138", "laptop"), ("31", "laptop"), ("32", "tablet"), ("23", "server"), ("1", "other")],
)
def test_the_form_follows_the_number_and_its_lock_bit_does_not_count(tree, number, form):
    assert dmi.chassis(tree({"sys/class/dmi/id/chassis_type": number})) == form
