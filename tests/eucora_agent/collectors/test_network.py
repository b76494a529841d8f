"""Counters, proxy and what the kernel says of a connection."""

import contextlib
import socket

from eucora_agent.collectors import Link, network

DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 999 1 9 9 0 0 0 0 999 1 9 9 0 0 0 0
  eth0: 1000 5 1 2 0 0 0 0 300 4 3 4 0 0 0 0
 wlan0:2000 5 0 1 0 0 0 0 100 4 0 0 0 0 0 0
docker0: 50 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0
"""
CARDS = {
    "sys/class/net/eth0/device/vendor": "x",
    "sys/class/net/wlan0/device/vendor": "x",
    "sys/class/net/docker0/mtu": "1",
}


def test_cards_are_counted_and_bridges_and_loopback_are_not(tree):
    expected = {"received": 3000, "sent": 400, "errors": 4, "drops": 7}
    assert network.totals(tree({"proc/self/net/dev": DEV, **CARDS})) == expected


def test_in_a_container_whatever_is_there_but_loopback_is_counted(tree):
    assert network.totals(tree({"proc/self/net/dev": DEV}))["received"] == 3050


def test_latency_and_loss_are_of_probes_and_throughput_of_the_agents_own_sends(tmp_path, asked):
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = network.read(asked(tmp_path, gateway=server.getsockname(), link=Link(1.0, 50e6))).network
    assert (found.probes, found.probes_lost, found.throughput_mbps) == (5, 0, 50.0)
    assert 0 < found.latency_ms < 1000


def test_a_probe_that_nobody_answers_is_lost_and_makes_no_latency(tmp_path, asked):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(2):  # nobody accepts: from the next on, the kernel lets the packets of a handshake fall
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        found = network.read(asked(tmp_path, gateway=full.getsockname())).network
    assert (found.probes, found.probes_lost, found.latency_ms) == (5, 5, None)


def test_the_kernel_tells_how_fast_a_send_was_taken():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        there, _ = server.accept()
        with there:
            client.sendall(b"x" * 200_000)
            there.recv(200_000, socket.MSG_WAITALL)
            link = network.observe(client)
    assert link.bits_per_second > 1e6
    assert 0 < link.rtt_ms < 1000


def test_a_connection_that_sent_nothing_says_nothing():
    with socket.socket() as idle:
        assert network.observe(idle) is None
