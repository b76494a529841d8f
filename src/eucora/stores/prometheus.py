"""Prometheus as a follower, by remote write 2.0 where it is offered, else 1.0; so also Mimir, VictoriaMetrics, Thanos.

Which one is asked with an empty request, at first and whenever the server was away.

A refusal for ever is told from one that passes by the server's words: Prometheus 2.42 answers 500 to a sample that is too
old, which is for ever, and to a full disk, which is not. What it says in no known words is believed only of a server
that takes an empty request at the same moment: a proxy that refuses everything costs no sample.
"""

import asyncio
import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from eucora import clock
from eucora.problems import EucoraError, Misconfigured, TryLater
from eucora.stores import remote_write2 as newer
from eucora.stores import victoriametrics as victoria
from eucora.stores.durations import duration
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.http import connect, wait_s
from eucora.stores.isolate import Lost, Unacceptable, deliver, refusals
from eucora.stores.ports import Away, Finding, Forgotten, Interval, Kind, Parcel, Told, Whose, finding
from eucora.stores.remote_write import Named, Sample, compress, encode, matcher, settle

SAMPLES_AT_ONCE = 10_000
HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
    "user-agent": "eucora",
}
NEWER = {**HEADERS, "content-type": newer.CONTENT_TYPE, "x-prometheus-remote-write-version": newer.VERSION}
MARGIN_MS = 3_600_000
MOST_SERIES = 1_000_000
FOR_EVER = (
    (re.compile(r"too[ -]old|out of bounds"), "too-old", "all"),
    (re.compile(r"out[ -]of[ -]order"), "out-of-order", "series"),
    (re.compile(r"duplicate[ -](sample|timestamp)"), "other-value-there", ""),
    (re.compile(r"too-far-in-future|too far in the future"), "in-the-future", ""),
    (re.compile(r"invalid sample|empty labelset"), "not-held", ""),
)
"""What servers say, our word for it, and of what everything older is refused too."""


class Prometheus:
    """The port Follower on one server."""

    name = "prometheus"
    kind: Kind = "metrics"

    def __init__(self, url: str, ca_file: Path | None = None, oldest: timedelta = timedelta(days=29)) -> None:
        """`url`: of the server, or the whole address that takes remote writes. `oldest`: of what it is to take."""
        require_tls_beyond_loopback(url, "EUCORA_METRICS_URL")
        self._base, self._write_url = addresses(url)
        self._oldest = oldest
        self._newer: bool | None = None
        self._named: dict[int, tuple[Named | None, ...]] = {}
        self._http = connect(url, ca_file)

    async def write(self, parcel: Parcel) -> Told:
        """Samples sorted by series and time, in requests of at most SAMPLES_AT_ONCE."""
        # In a thread: sorting and encoding take a tenth of a second, in which the digest goes on.
        settled = await asyncio.to_thread(settle, parcel, self._named)
        lost = [("not-held", ms) for ms in settled.unnamed] + await self.push(settled.samples)
        taken = len(settled.samples) - (len(lost) - len(settled.unnamed))
        return Told(taken, settled.merged, settled.clamped, refusals(lost))

    async def push(self, samples: Sequence[Sample]) -> list[Lost]:
        """Samples sorted by series and time; what was refused for ever."""
        lost: list[Lost] = []
        for first in range(0, len(samples), SAMPLES_AT_ONCE):
            lost += await deliver(samples[first : first + SAMPLES_AT_ONCE], self._send)
        return lost

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Delete and free the space; then look. Samples are of devices, never of persons.

        Out-of-order samples of the head can be deleted once they lie in a block.
        """
        if whose.device is None or whose.subject is not None:
            return Forgotten(0)
        device = whose.device
        if "headStats" not in await self._ask("/api/v1/status/tsdb"):
            return await self._forget_whole(device, interval)
        span = {"start": _seconds(interval.since), "end": _seconds(interval.until - timedelta(milliseconds=1))}
        await self._admin("delete_series", {"match[]": matcher(device), **span})
        await self._admin("clean_tombstones", {})
        return Forgotten(await self._count(device, interval))

    async def _forget_whole(self, device: uuid.UUID, interval: Interval) -> Forgotten:
        """VictoriaMetrics deletes a series whole, whatever span is asked for: only when nothing of it lies outside."""
        await self._text(victoria.FLUSH)
        now, kept = clock.now(), victoria.retention(victoria.flags_of(await self._text(victoria.FLAGS)))
        outside = (Interval(now - kept, interval.since), Interval(interval.until, now + timedelta(days=2)))
        if any([some.since < some.until and await self._count(device, some) for some in outside]):
            return Forgotten(await self._count(device, interval), now + kept)
        await self._admin("delete_series", {"match[]": matcher(device)})
        return Forgotten(await self._count(device, interval))

    async def inspect(self) -> tuple[Finding, ...]:
        """The window for late samples, retention, the receiver and the admin API, and how many series there are."""
        tsdb = await self._ask("/api/v1/status/tsdb")
        if "headStats" not in tsdb:
            said = victoria.flags_of(await self._text(victoria.FLAGS))
            return tuple(victoria.findings(said, tsdb, self._oldest, MOST_SERIES))
        config = (await self._ask("/api/v1/status/config"))["yaml"]
        flags = await self._ask("/api/v1/status/flags")
        return tuple(findings(config, flags, tsdb["headStats"], self._oldest, clock.now()))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _send(self, samples: Sequence[Sample]) -> None:
        answer = await self._push(samples)
        if answer.status_code == 415:  # another server answers at this address now
            self._newer = None
            answer = await self._push(samples)
        if answer.is_success:
            return
        failure = judge(answer.status_code, answer.text, answer.headers.get("retry-after"), clock.now())
        if isinstance(failure, Unacceptable) and failure.reason == "refused" and not await self._takes_nothing():
            raise TryLater("store-unavailable", f"the metrics server answers {answer.status_code} to anything", 0.0)
        raise failure

    async def _push(self, samples: Sequence[Sample]) -> httpx.Response:
        if self._newer is None:
            answer = await self._post(self._write_url, content=compress(newer.encode(())), headers=NEWER)
            if answer.is_success or answer.status_code in (400, 415):
                self._newer = answer.is_success and newer.WRITTEN in answer.headers
        made, headers = (newer.encode, NEWER) if self._newer else (encode, HEADERS)
        body = await asyncio.to_thread(lambda: compress(made(samples)))
        return await self._post(self._write_url, content=body, headers=headers)

    async def _takes_nothing(self) -> bool:
        return (await self._push(())).is_success

    async def _post(self, url: httpx.URL, **more: Any) -> httpx.Response:
        return await self._request("POST", url, **more)

    async def _request(self, method: str, url: httpx.URL, **more: Any) -> httpx.Response:
        try:
            return await self._http.request(method, url, **more)
        except httpx.HTTPError as exc:
            self._newer = None
            raise Away("metrics", type(exc).__name__) from exc

    async def _admin(self, act: str, query: dict[str, str]) -> None:
        answer = await self._post(self._at(f"/api/v1/admin/tsdb/{act}"), params=query)
        if "admin APIs disabled" in answer.text:
            raise Misconfigured("Prometheus can't forget: start it with --web.enable-admin-api")
        if not answer.is_success:
            raise _passing_or_closed(answer.status_code, answer.headers.get("retry-after"), clock.now())

    async def _count(self, device: uuid.UUID, interval: Interval) -> int:
        """How many series of a device still show a sample in the interval.

        Looked at with a margin: asked for just the deleted interval, 2.42 shows samples of it that are gone.
        """
        since, last = clock.to_ms(interval.since), clock.to_ms(interval.until) - 1
        span_ms = last - since + 2 * MARGIN_MS
        query = {"query": f"{matcher(device)}[{span_ms}ms]", "time": f"{(last + MARGIN_MS) / 1000:.3f}"}
        found = (await self._ask("/api/v1/query", **query))["result"]
        return sum(any(since <= round(time_s * 1000) <= last for time_s, _ in series["values"]) for series in found)

    async def _text(self, path: str, **query: str) -> str:
        answer = await self._request("GET", self._at(path), params=query)
        if not answer.is_success:
            raise _passing_or_closed(answer.status_code, answer.headers.get("retry-after"), clock.now())
        return answer.text

    async def _ask(self, path: str, **query: str) -> Any:
        try:
            return msgspec.json.decode(await self._text(path, **query))["data"]
        except (ValueError, KeyError, TypeError) as exc:
            raise TryLater("store-unavailable", "the metrics server answers in no known words", 0.0) from exc

    def _at(self, path: str) -> httpx.URL:
        return self._base.copy_with(path=self._base.path.rstrip("/") + path)


def addresses(url: str) -> tuple[httpx.URL, httpx.URL]:
    """Where the server's API begins, and where it takes writes."""
    given = httpx.URL(url)
    path = given.path.rstrip("/")
    if path.endswith(("/write", "/push")):
        return given.copy_with(path=path.partition("/api/")[0]), given
    base = given.copy_with(path=path)
    return base, base.copy_with(path=f"{path}/api/v1/write")


def judge(status: int, said: str, retry_after: str | None, now: datetime) -> EucoraError:
    """What a failed write means for the samples: Unacceptable as they are, or TryLater."""
    if status == 413:
        return Unacceptable("too-large")
    if status in (400, 409, 422, 500):
        for words, reason, older in FOR_EVER:
            if words.search(said[:2_000]):
                return Unacceptable(reason, older)
    if status in (400, 422):
        return Unacceptable("refused")
    return _passing_or_closed(status, retry_after, now)


def _passing_or_closed(status: int, retry_after: str | None, now: datetime) -> EucoraError:
    mend = {401: "its credentials", 403: "its credentials", 404: "--web.enable-remote-write-receiver or the URL's path"}
    detail = f"the metrics server answers {status}" + (f": mend {mend[status]}" if status in mend else "")
    return TryLater("store-unavailable", detail, wait_s(retry_after, now))


def findings(
    config: str, flags: dict[str, str], head: dict[str, Any], oldest: timedelta, now: datetime
) -> list[Finding]:
    """What a server says of itself, held against what we need."""
    said = re.search(r"(?m)^\s*out_of_order_time_window: *(\S+)$", config)
    window = duration(said[1]) if said else timedelta(0)
    kept = duration(flags.get("storage.tsdb.retention.time", "0s")) or timedelta(days=15)
    newest = clock.from_ms(max(int(head["maxTime"]), 0)) if abs(int(head["maxTime"])) < 2**52 else now
    return [
        finding(
            "out_of_order_time_window",
            window >= oldest,
            said[1] if said else "0s",
            f"set storage.tsdb.out_of_order_time_window to {oldest.days}d: what comes later is refused",
        ),
        finding(
            "retention",
            kept >= oldest,
            f"{kept.days}d",
            "start it with --storage.tsdb.retention.time=90d",
        ),
        finding(
            "remote_write_receiver",
            flags.get("web.enable-remote-write-receiver") == "true",
            flags.get("web.enable-remote-write-receiver", "unknown"),
            "start it with --web.enable-remote-write-receiver",
        ),
        finding(
            "admin_api",
            flags.get("web.enable-admin-api") == "true",
            flags.get("web.enable-admin-api", "unknown"),
            "start it with --web.enable-admin-api: without it nothing is erased there before its retention",
        ),
        finding(
            "newest_sample",
            newest <= now + timedelta(minutes=10),
            newest.isoformat(),
            "a sample from the future shuts out others: find who wrote it",
        ),
        finding(
            "head_series",
            int(head["numSeries"]) <= MOST_SERIES,
            f"{int(head['numSeries']):,} of {MOST_SERIES:,} that a usual server holds well (about 8 GiB)",
            "set EUCORA_METRICS_SERIES=cohort: aggregates in place of a series a device; the archive keeps each",
        ),
    ]


def _seconds(moment: datetime) -> str:
    return f"{clock.to_ms(moment) / 1000:.3f}"
