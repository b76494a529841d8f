"""A cable that the kernel breaks: a pair of virtual interfaces whose far end lies in a network namespace of its own.

nftables drops packets there, all or some; tbf holds them back. Only root may have one, and only where `ip`, `nft` and `tc`
are; its addresses are of this pair alone. Nothing of the machine's own network or firewall is touched.
"""

import ctypes
import os
import shutil
import socket
import subprocess
from contextlib import suppress
from typing import Literal

Breaks = Literal["lossy", "walled", "narrow"]
"""lossy: a fifth of the packets is lost, each way · walled: all are · narrow: 256 kbit/s each way."""
LOST_PERCENT, RATE = 20, "256kbit"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Link:
    """From the beginning of the block to its end. `near`: the address of this end."""

    def __init__(self) -> None:
        number = os.getpid() % 2**14
        self.name, self._here = f"eucora-{os.getpid()}", f"eu{os.getpid()}"
        of = f"10.77.{number >> 6}.{(number & 63) * 4}".rpartition(".")
        self.near, self._far = (f"{of[0]}.{int(of[2]) + n}" for n in (1, 2))

    def __enter__(self) -> "Link":
        try:
            _run("ip", "netns", "add", self.name)
            _run("ip", "link", "add", self._here, "type", "veth", "peer", "name", "far", "netns", self.name)
            _run("ip", "address", "add", f"{self.near}/30", "dev", self._here)
            _run("ip", "link", "set", self._here, "up")
            self._there("ip", "address", "add", f"{self._far}/30", "dev", "far")
            self._there("ip", "link", "set", "far", "up")
            self._there("nft", "add", "table", "inet", "breaks")
            for hook in ("input", "output"):
                self._there("nft", f"add chain inet breaks {hook} {{ type filter hook {hook} priority 0 ; }}")
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            _run("ip", "link", "delete", self._here)
        with suppress(OSError):
            _run("ip", "netns", "delete", self.name)

    def breaks(self, how: Breaks | None) -> None:
        """From now on; None: it is whole."""
        self._there("nft", "flush", "table", "inet", "breaks")
        for there, interface in ((False, self._here), (True, "far")):
            with suppress(OSError):  # there is none
                self._tc(there, "delete", interface)
            if how == "narrow":
                self._tc(there, "add", interface, "tbf", "rate", RATE, "burst", "16kb", "latency", "400ms")
        if how in ("lossy", "walled"):
            some = f"numgen random mod 100 < {LOST_PERCENT} " if how == "lossy" else ""
            for hook in ("input", "output"):
                self._there("nft", f"add rule inet breaks {hook} {some}drop")

    def socket(self) -> socket.socket:
        """One that lives at the far end, whoever uses it: a socket belongs to the namespace in which it was made."""
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{self.name}") as there:
            _enter(there.fileno())
            try:
                made = socket.socket()
            finally:
                _enter(here.fileno())
        made.setblocking(False)
        return made

    def _there(self, *words: str) -> None:
        _run("ip", "netns", "exec", self.name, *words)

    def _tc(self, there: bool, verb: str, interface: str, *words: str) -> None:
        (self._there if there else _run)("tc", "qdisc", verb, "dev", interface, "root", *words)


def may_link() -> bool:
    """Whether this machine lets us have one."""
    if os.geteuid() or not all(map(shutil.which, ("ip", "nft", "tc"))):
        return False
    try:
        with Link() as link:
            link.breaks("narrow")
            link.breaks("lossy")
    except OSError:
        return False
    return True


def _run(*words: str) -> None:
    """Raises OSError."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
