"""Tempo as a follower, by OTLP over HTTP or gRPC; so also what else takes OTLP: Jaeger, a collector.

Telling it twice changes nothing in what is found: a span is its trace and its id. It can't delete by attribute: what is to
be forgotten is gone with its retention, and the answer says when.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from eucora import clock
from eucora.observe.trace import Span as Own
from eucora.problems import EucoraError, TryLater
from eucora.stores.durations import duration
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.http import connect, wait_s
from eucora.stores.isolate import Unacceptable, deliver, refusals
from eucora.stores.otlp_spans import Record, own, request, requests, settle
from eucora.stores.ports import Away, Finding, Forgotten, Interval, Kind, Parcel, Told, Whose, finding

# The library's message has no types of its own.
ExportTraceServiceResponse: Any = trace_service_pb2.ExportTraceServiceResponse
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = {"content-type": "application/x-protobuf", "user-agent": "eucora"}
PATIENCE_S = 30.0
MOST_TRACES = 100_000
KEPT = timedelta(days=30)
"""Seed §8, where the server does not say."""

FOR_EVER = ((re.compile(r"TRACE_TOO_LARGE|max size of trace"), "trace-too-large"),)
PASSING = re.compile(r"RATE_LIMITED|LIVE_TRACES_EXCEEDED")


class Tempo:
    """The port Follower on one server."""

    name = "tempo"
    kind: Kind = "spans"

    def __init__(
        self, url: str, ca_file: Path | None = None, oldest: timedelta = timedelta(days=29), query_url: str = ""
    ) -> None:
        """`url`: where it takes OTLP: http(s)://… or grpc(s)://…. `query_url`: of its own API, to inspect it."""
        require_tls_beyond_loopback(url, "EUCORA_TRACES_URL")
        if query_url:
            require_tls_beyond_loopback(query_url, "EUCORA_TRACES_QUERY_URL")
        self._oldest, self._query = oldest, query_url.rstrip("/")
        self._url = httpx.URL(url)
        by_grpc = self._url.scheme.startswith("grpc")
        self._http = connect(query_url if by_grpc else url, ca_file)
        self._channel = channel(self._url, ca_file) if by_grpc else None

    async def write(self, parcel: Parcel) -> Told:
        """Spans by device and time."""
        # In a thread: thousands of spans take a while, in which the digest goes on.
        records, merged, clamped = await asyncio.to_thread(settle, parcel)
        lost = []
        for part in requests(records):
            lost += await deliver(part, self._send)
        return Told(len(records) - len(lost), merged, clamped, refusals(lost))

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Nothing can be deleted by attribute: what of it was told is gone when its retention is over."""
        return Forgotten(0, clock.now() + await self._kept())

    async def inspect(self) -> tuple[Finding, ...]:
        """Retention and the window for late spans."""
        if not self._query:
            mend = "set EUCORA_TRACES_QUERY_URL to the address of Tempo's own API, so that its settings can be read"
            return (Finding("query_url", "wrong", "not set", mend),)
        return tuple(findings(await self._config(), self._oldest))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()
        if self._channel is not None:
            await self._channel.close()

    async def _send(self, records: Sequence[Record]) -> None:
        answer = await self._export(request(records))
        if answer.partial_success.rejected_spans:
            raise Unacceptable("refused")

    async def tell_own(self, spans: Sequence[Own]) -> None:
        """The platform's own spans, once; what fails is lost."""
        told: Any = own(spans)
        await self._export(told.SerializeToString())

    async def _export(self, told: bytes) -> Any:
        if self._channel is not None:
            return await self._by_grpc(self._channel, told)
        return await self._by_http(told)

    async def _by_http(self, told: bytes) -> Any:
        url = self._url.copy_with(path=self._url.path.rstrip("/") + "/v1/traces")
        try:
            answer = await self._http.post(url, content=told, headers=PROTOBUF)
        except httpx.HTTPError as exc:
            raise _away(type(exc).__name__) from exc
        if answer.is_success:
            return _parsed(answer.content)
        raise await self._judged(answer)

    async def _judged(self, answer: httpx.Response) -> EucoraError:
        if answer.status_code == 413:
            return Unacceptable("too-large")
        said = answer.content[:2_000].decode(errors="replace")
        if found := _for_ever(said):
            return found
        if answer.status_code in (400, 422) and not PASSING.search(said) and await self._takes_nothing():
            return Unacceptable("refused")
        detail = f"the trace server answers {answer.status_code}"
        return TryLater("store-unavailable", detail, wait_s(answer.headers.get("retry-after"), clock.now()))

    async def _takes_nothing(self) -> bool:
        """A proxy that refuses everything costs no span."""
        url = self._url.copy_with(path=self._url.path.rstrip("/") + "/v1/traces")
        try:
            return (await self._http.post(url, content=b"", headers=PROTOBUF)).is_success
        except httpx.HTTPError as exc:
            raise _away(type(exc).__name__) from exc

    async def _by_grpc(self, open_channel: Any, told: bytes) -> Any:
        call = open_channel.unary_unary(
            EXPORT,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        try:
            return await call(told, timeout=PATIENCE_S)
        except grpc.aio.AioRpcError as exc:
            raise judge(exc.code(), exc.details() or "") from exc

    async def _kept(self) -> timedelta:
        if not self._query:
            return KEPT
        return duration(_said(await self._config(), "block_retention")) or KEPT

    async def _config(self) -> str:
        try:
            answer = await self._http.get(f"{self._query}/status/config")
        except httpx.HTTPError as exc:
            raise _away(type(exc).__name__) from exc
        if not answer.is_success:
            raise TryLater(
                "store-unavailable", f"Tempo answers {answer.status_code}: mend EUCORA_TRACES_QUERY_URL", 0.0
            )
        return answer.text


def channel(url: httpx.URL, ca_file: Path | None) -> Any:
    """A connection by gRPC; without a proxy that nobody declared."""
    target, options = f"{url.host}:{url.port or 4317}", [("grpc.enable_http_proxy", 0)]
    if url.scheme == "grpcs":
        roots = ca_file.read_bytes() if ca_file else None
        return grpc.aio.secure_channel(target, _credentials(roots), options=options)
    return grpc.aio.insecure_channel(target, options=options)


_credentials: Any = grpc.ssl_channel_credentials


def judge(code: grpc.StatusCode, said: str) -> EucoraError:
    """What a failed export means for the spans: Unacceptable as they are, or TryLater."""
    if found := _for_ever(said):
        return found
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in said:
        return Unacceptable("too-large")
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE) and not PASSING.search(said):
        return Unacceptable("refused")
    return TryLater("store-unavailable", f"the trace server answers {code.name}", 0.0)


def _for_ever(said: str) -> Unacceptable | None:
    return next((Unacceptable(reason) for words, reason in FOR_EVER if words.search(said)), None)


def _parsed(body: bytes) -> Any:
    try:
        return ExportTraceServiceResponse.FromString(body)
    except DecodeError as exc:
        raise TryLater("store-unavailable", "the trace server answers in no known words", 0.0) from exc


def _away(how: str) -> TryLater:
    return Away("trace", how)


def findings(config: str, oldest: timedelta) -> list[Finding]:
    """What Tempo says of itself (its YAML at /status/config), held against what we need."""
    kept, poll = _said(config, "block_retention"), _said(config, "blocklist_poll")
    slack = _said(config, "ingestion_time_range_slack", last=True)
    hours = oldest // timedelta(hours=1)
    return [
        finding("retention", duration(kept) >= oldest, kept, "set every block_retention to 720h"),
        finding(
            "ingestion_time_range_slack",
            duration(slack) >= oldest,
            slack,
            f"set every ingestion_time_range_slack to {hours}h: TraceQL finds no later spans by time",
        ),
        finding(
            "blocklist_poll",
            duration(poll) <= timedelta(minutes=1),
            poll,
            "set storage.trace.blocklist_poll to 30s: late spans are found when the list of blocks is read next",
        ),
        _traces_in_memory(config),
    ]


def _traces_in_memory(config: str) -> Finding:
    """Its YAML leaves a zero out, which is no limit; the default, 10,000, stands in it."""
    said = _said(config, "max_traces_per_user") or "0"
    mend = (
        "set overrides.defaults.ingestion.max_traces_per_user to 0: beyond it acknowledged spans are dropped in a burst"
    )
    return finding("max_traces_per_user", said == "0" or int(said) >= MOST_TRACES, said, mend)


def _said(config: str, name: str, last: bool = False) -> str:
    """The value of a key; of several the shortest time when `last`."""
    found = re.findall(rf"(?m)^ *{name}: *(\S+)", config)
    if not found:
        return ""
    return str(min(found, key=duration)) if last else str(found[0])
