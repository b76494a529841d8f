"""What a server's answers mean. The port itself is proved on a real Prometheus, in tests/conformance/followers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from eucora.problems import EucoraError, Misconfigured, TryLater
from eucora.stores.durations import duration
from eucora.stores.http import wait_s
from eucora.stores.isolate import Unacceptable
from eucora.stores.ports import Parcel, Reading
from eucora.stores.prometheus import Prometheus, addresses, findings, judge

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PARCEL = Parcel([Reading(uuid.uuid4(), NOW, NOW, 1, [1.0, 2.0])], {1: [["a", {}], ["b", {}]]})
HEAD = {"numSeries": 7, "maxTime": int(NOW.timestamp() * 1000)}
FLAGS = {
    "storage.tsdb.retention.time": "90d",
    "web.enable-remote-write-receiver": "true",
    "web.enable-admin-api": "true",
}


class Answering:
    """A server of HTTP that answers each request with the next of these; an empty write with the first of `empty`."""

    def __init__(self, answers: list[str], empty: str = "204 No Content") -> None:
        self.answers, self.empty = answers, empty
        self.versions: list[str] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split()[0])
        body = await reader.readexactly(length)
        self.versions.append(head.split("remote-write-version:")[1].split()[0])
        status, _, rest = (self.empty if len(body) < 8 else self.answers.pop(0)).partition("\n")
        headers, _, said = rest.partition("\n\n")
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\nconnection: close\r\n".replace("\r\n\r\n", "\r\n").encode())
        writer.write(f"content-length: {len(said)}\r\n\r\n{said}".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def answering() -> AsyncIterator[tuple[Answering, Prometheus]]:
    script = Answering([])
    server = await asyncio.start_server(script.handle, "127.0.0.1", 0)
    follower = Prometheus(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield script, follower
    await follower.close()
    server.close()
    await server.wait_closed()


async def test_a_busy_server_is_asked_again_when_it_says_so(answering: tuple[Answering, Prometheus]) -> None:
    script, follower = answering
    for answer, seconds in (("429 Slow down\nretry-after: 17\n\n", 17.0), ("503 Starting\nretry-after: 3\n\n", 3.0)):
        script.answers.append(answer)
        with pytest.raises(TryLater) as caught:
            await follower.write(PARCEL)
        assert caught.value.retry_after_s == seconds


async def test_a_request_that_is_too_large_is_cut(answering: tuple[Answering, Prometheus]) -> None:
    script, follower = answering
    script.answers += ["413 Too large", "204 No Content", "204 No Content"]
    assert (await follower.write(PARCEL)).taken == 2
    assert script.answers == []


async def test_a_refusal_in_unknown_words_is_believed_of_a_server_that_takes_an_empty_request(
    answering: tuple[Answering, Prometheus],
) -> None:
    script, follower = answering
    script.answers += ["400 Bad\n\nnever heard", "400 Bad\n\nnever heard", "204 No Content"]
    told = await follower.write(PARCEL)
    assert (told.taken, [(r.reason, r.count) for r in told.refused]) == (1, [("refused", 1)])


async def test_a_proxy_that_refuses_everything_costs_no_sample(answering: tuple[Answering, Prometheus]) -> None:
    script, follower = answering
    script.answers, script.empty = ["400 Bad\n\nplain HTTP"], "400 Bad\n\nplain HTTP"
    with pytest.raises(TryLater, match="400 to anything"):
        await follower.write(PARCEL)


OFFERED = "204 No Content\nX-Prometheus-Remote-Write-Samples-Written: 0"


async def test_a_server_that_offers_the_newer_version_is_told_by_it_and_any_other_by_the_first(
    answering: tuple[Answering, Prometheus],
) -> None:
    script, follower = answering
    script.answers += ["204 No Content"] * 2
    await follower.write(PARCEL)
    await follower.write(PARCEL)
    assert script.versions == ["2.0.0", "0.1.0", "0.1.0"], "asked once"
    other = Prometheus(str(follower._base))
    script.versions, script.empty, script.answers = [], OFFERED, ["204 No Content"]
    await other.write(PARCEL)
    assert script.versions == ["2.0.0", "2.0.0"]
    script.versions, script.empty, script.answers = [], "415 Unsupported", ["415 Unsupported", "204 No Content"]
    assert (await other.write(PARCEL)).taken == 2, "an older server came in its place"
    assert script.versions == ["2.0.0", "2.0.0", "0.1.0"]
    await other.close()


async def test_a_server_that_is_not_there_is_asked_later() -> None:
    follower = Prometheus("http://127.0.0.1:1")
    for asked in (follower.write(PARCEL), follower.inspect()):
        with pytest.raises(TryLater, match="does not answer"):
            await asked
    await follower.close()


@pytest.mark.parametrize("url", ["http://metrics.example:9090", "ftp://127.0.0.1"])
def test_beyond_this_machine_there_is_tls_or_nothing(url: str) -> None:
    with pytest.raises(Misconfigured, match="EUCORA_METRICS_URL"):
        Prometheus(url)


@pytest.mark.parametrize(
    ("status", "said", "meant"),
    [
        (500, "too old sample", Unacceptable("too-old", "all")),
        (400, "out of bounds", Unacceptable("too-old", "all")),
        (400, "out of order sample", Unacceptable("out-of-order", "series")),
        (400, "duplicate sample for timestamp", Unacceptable("other-value-there")),
        (400, "err-mimir-sample-timestamp-too-old", Unacceptable("too-old", "all")),
        (400, "received a sample whose timestamp is too far in the future", Unacceptable("in-the-future")),
        (500, "no space left on device", TryLater()),
        (503, "too old sample, says a proxy", TryLater()),
        (401, "", TryLater()),
        (404, "", TryLater()),
        (301, "", TryLater()),
    ],
)
def test_what_passes_by_itself_is_told_from_what_never_does(status: int, said: str, meant: EucoraError) -> None:
    found = judge(status, said, None, NOW)
    assert type(found) is type(meant)
    if isinstance(meant, Unacceptable) and isinstance(found, Unacceptable):
        assert (found.reason, found.older) == (meant.reason, meant.older)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("12", 12.0),
        ("86400", 300.0),
        ("Thu, 26 Nov 2026 12:00:30 GMT", 30.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str | None, seconds: float) -> None:
    assert wait_s(header, NOW) == seconds


@pytest.mark.parametrize(
    ("url", "base", "write"),
    [
        ("http://127.0.0.1:9090", "http://127.0.0.1:9090/x", "http://127.0.0.1:9090/api/v1/write"),
        ("http://127.0.0.1:9090/prom/", "http://127.0.0.1:9090/prom/x", "http://127.0.0.1:9090/prom/api/v1/write"),
        ("https://mimir.example/api/v1/push", "https://mimir.example/x", "https://mimir.example/api/v1/push"),
    ],
)
async def test_a_url_is_of_the_server_or_of_what_takes_writes(url: str, base: str, write: str) -> None:
    follower = Prometheus(url)
    assert (str(follower._at("/x")), str(addresses(url)[1])) == (base, write)
    await follower.close()


def test_durations_are_read_as_prometheus_writes_them() -> None:
    assert duration("4w1d") == timedelta(days=29)
    assert duration("1h30m5s10ms") == timedelta(hours=1, minutes=30, seconds=5, milliseconds=10)


def test_each_wrong_setting_is_found_with_its_mend() -> None:
    config, oldest = "storage:\n  tsdb:\n    out_of_order_time_window: 4w1d\n", timedelta(days=29)
    assert all(f.state == "well" for f in findings(config, FLAGS, HEAD, oldest, NOW))
    wrong = {
        "out_of_order_time_window": findings("global: {}\n", FLAGS, HEAD, oldest, NOW),
        "retention": findings(config, FLAGS | {"storage.tsdb.retention.time": "0s"}, HEAD, oldest, NOW),
        "remote_write_receiver": findings(
            config, FLAGS | {"web.enable-remote-write-receiver": "false"}, HEAD, oldest, NOW
        ),
        "admin_api": findings(config, FLAGS | {"web.enable-admin-api": "false"}, HEAD, oldest, NOW),
        "newest_sample": findings(config, FLAGS, HEAD | {"maxTime": HEAD["maxTime"] + 10**9}, oldest, NOW),
    }
    for name, found in wrong.items():
        assert [f.name for f in found if f.state == "wrong"] == [name]
        assert all(bool(f.mend) == (f.state == "wrong") for f in found)
