"""Encryption of the root volume, through the layers that may lie between."""

from eucora_agent.collectors import encryption

MOUNTINFO = "29 1 {number} / / rw,relatime shared:1 - {kind} {source} rw\n30 29 0:5 / /home rw - ext4 /dev/sdb1 rw\n"


def machine(tree, number="253:1", kind="ext4", source="/dev/mapper/vg-root", **devices: str):
    return tree({"proc/self/mountinfo": MOUNTINFO.format(number=number, kind=kind, source=source), **devices})


def test_lvm_on_luks_is_encrypted(tree):
    device = "sys/dev/block/253:1"
    lvm = {f"{device}/dm/uuid": "LVM-abc", f"{device}/slaves/dm-0/dm/uuid": "CRYPT-LUKS2-0123-luks\n"}
    assert encryption.of_root(machine(tree, **lvm)) is True


def test_btrfs_is_found_by_the_name_of_its_mapping(tree):
    mapped = {"sys/class/block/dm-0/dm/name": "luks-root\n", "sys/class/block/dm-0/dm/uuid": "CRYPT-LUKS2-01\n"}
    assert (
        encryption.of_root(machine(tree, number="0:27", kind="btrfs", source="/dev/mapper/luks-root", **mapped)) is True
    )


def test_a_plain_partition_is_not(tree):
    plain = {"sys/dev/block/8:2/partition": "2\n"}
    assert encryption.of_root(machine(tree, number="8:2", source="/dev/sda2", **plain)) is False


def test_the_root_of_a_container_says_nothing(tree):
    assert encryption.of_root(machine(tree, number="0:50", kind="overlay", source="overlay")) is None
