"""Handshakes with doors that answer, refuse, and are silent."""

import socket
import time

import pytest

from eucora_agent.collectors import probe


@pytest.fixture
def door():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_a_door_that_answers_is_timed_five_times(door):
    took = probe.handshakes(door, 5)
    assert len(took) == 5
    assert all(0 < s < probe.LOST_AFTER_S for s in took)


def test_a_refusal_is_an_answer_too(door):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert None not in probe.handshakes(free.getsockname(), 3)


def test_silence_is_a_loss_and_is_waited_for_once():
    # A full backlog: Linux drops the SYN, as a lossy line would.
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for s in (first, second):
            s.setblocking(False)
            s.connect_ex(server.getsockname())
        time.sleep(0.05)
        begun = time.monotonic()
        assert probe.handshakes(server.getsockname(), 3) == [None] * 3
        assert time.monotonic() - begun < 1.5


def test_a_name_without_an_address_is_a_loss():
    assert probe.handshakes(("no-such-host.invalid", 443), 2) == [None, None]
