"""Memory against /proc/meminfo and the system call."""

import os

from eucora_agent.collectors import memory
from eucora_wire.sections.hardware import Hardware

MEMINFO = """\
MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:   12000000 kB
SwapTotal: 2000000 kB
SwapFree: 1500000 kB
HugePages_Total:       0
"""


def test_used_is_what_is_not_available(tree, asked):
    found = memory.read(asked(tree({"proc/meminfo": MEMINFO}))).hardware
    assert found == Hardware(memory=25.0, memory_total=16_384_000_000, memory_used=4_096_000_000, swap_used=512_000_000)


def test_a_machine_without_swap_says_nothing_of_it(tree, asked):
    text = MEMINFO.replace("SwapTotal: 2000000", "SwapTotal: 0").replace("SwapFree: 1500000", "SwapFree: 0")
    assert memory.read(asked(tree({"proc/meminfo": text}))).hardware.swap_used is None


def test_this_machine_has_the_memory_that_the_system_call_tells(asked):
    assert memory.read(asked()).hardware.memory_total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
