"""One request at a time over a real connection, whatever the other side does with it."""

import os
import ssl
from pathlib import Path

import pytest
from tests.eucora_agent.h2server import Asked, Told, certified, running

from eucora_agent.http2 import Connection, tls
from eucora_agent.problems import Unreachable


def to(url: str, authority: Path, timeout_s: float = 5.0) -> Connection:
    return Connection(url, tls(authority), timeout_s)


def test_a_request_arrives_whole_and_its_answer_comes_back(tmp_path: Path) -> None:
    with running(tmp_path, lambda _: Told(201, b"answer", [("x-name", "value")])) as server:
        connection = to(server.url, server.authority)
        response = connection.ask("POST", "/v1/telemetry", {"eucora-sequence": "7"}, b"body")
        connection.close()
    assert (response.status, response.body, response.headers["x-name"]) == (201, b"answer", "value")
    (asked,) = server.asked
    assert asked.body == b"body"
    assert {":method": "POST", ":path": "/v1/telemetry", "eucora-sequence": "7"}.items() <= asked.headers.items()
    assert asked.headers[":authority"] == f"localhost:{server.port}"


def test_many_requests_take_one_connection(tmp_path: Path) -> None:
    with running(tmp_path, lambda asked: Told(body=asked.body)) as server:
        connection = to(server.url, server.authority)
        assert [connection.ask("POST", "/", {}, b"%d" % n).body for n in range(1, 50)] == [
            b"%d" % n for n in range(1, 50)
        ]
        connection.close()
    assert server.connections == 1


@pytest.mark.parametrize("window", [1_000, 65_535])
def test_bodies_far_beyond_the_windows_pass_both_ways(tmp_path: Path, window: int) -> None:
    body = os.urandom(400_000)
    with running(tmp_path, lambda asked: Told(body=asked.body[:30_000]), window) as server:
        connection = to(server.url, server.authority)
        for _ in range(6):  # more than the connection's window, if it were not given back
            assert connection.ask("POST", "/", {}, body).body == body[:30_000]
        connection.close()
    assert [asked.body for asked in server.asked] == [body] * 6
    assert server.connections == 1


def test_an_answer_before_the_end_of_the_body_is_heard_and_the_connection_goes_on(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Told:
        return Told(413, b"too large", trick="early") if asked.headers[":path"] == "/large" else Told(body=b"ok")

    with running(tmp_path, answer) as server:
        connection = to(server.url, server.authority)
        for _ in range(3):
            response = connection.ask("POST", "/large", {}, b"x" * 300_000)
            assert (response.status, response.body) == (413, b"too large")
        assert connection.ask("GET", "/small", {}).body == b"ok"
        connection.close()
    assert server.connections == 1


@pytest.mark.parametrize("trick", ["drop", "drop-in-body", "goaway", "reset"])
def test_a_connection_that_breaks_is_unreachable_and_the_next_request_opens_another(tmp_path: Path, trick: str) -> None:
    told = {"now": Told(trick=trick)}
    with running(tmp_path, lambda _: told["now"]) as server:
        connection = to(server.url, server.authority)
        with pytest.raises(Unreachable):
            connection.ask("POST", "/", {}, b"x" * 100_000)
        told["now"] = Told(body=b"back")
        assert connection.ask("POST", "/", {}, b"x").body == b"back"
        connection.close()
    assert server.connections == 2


def test_a_kept_connection_that_died_meanwhile_is_opened_anew_once(tmp_path: Path) -> None:
    told = [Told(body=b"1"), Told(trick="drop"), Told(body=b"2")]
    with running(
        tmp_path, lambda asked: told[int(asked.headers["n"])] if asked.headers["n"] != "x" else told[2]
    ) as server:
        connection = to(server.url, server.authority)
        assert connection.ask("GET", "/", {"n": "0"}).body == b"1"
        assert connection.socket is not None
        connection.socket.shutdown(2)  # as when the gateway was restarted
        assert connection.ask("GET", "/", {"n": "2"}).body == b"2"
        connection.ask("GET", "/", {"n": "x"})
        with pytest.raises(Unreachable):
            connection.ask("GET", "/", {"n": "1"})
        connection.close()
    assert server.connections == 3


def test_a_request_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    with running(tmp_path, lambda _: Told(trick="silent")) as server:
        connection = to(server.url, server.authority, timeout_s=0.3)
        with pytest.raises(Unreachable, match=r"TimeoutError|timed out"):
            connection.ask("GET", "/", {})


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eucora_agent.http2.MOST_ANSWER", 1_000)
    with running(tmp_path, lambda _: Told(body=b"x" * 60_000)) as server, pytest.raises(Unreachable):
        to(server.url, server.authority).ask("GET", "/", {})


def test_nobody_but_the_platforms_own_authority_is_believed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger, _ = certified(tmp_path / "other")
    with running(tmp_path, lambda _: Told()) as server:
        with pytest.raises(Unreachable, match=r"self-signed|self signed|verify"):
            to(server.url, stranger).ask("GET", "/", {})
        assert not server.asked
        with pytest.raises(Unreachable, match="IP address mismatch"):
            to(f"https://127.0.0.1:{server.port}", server.authority).ask("GET", "/", {})


def test_older_tls_is_not_spoken(tmp_path: Path) -> None:
    authority, _ = certified(tmp_path)
    assert tls(authority).minimum_version == ssl.TLSVersion.TLSv1_3


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with running(tmp_path, lambda _: Told()) as server:
        gone = server.url
    with pytest.raises(Unreachable, match="ConnectionRefused"):
        to(gone, server.authority).ask("GET", "/", {})
