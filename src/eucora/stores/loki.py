"""Loki as a follower, by its push API with structured metadata.

Telling it twice changes nothing: a repeat has the same stream, nanosecond, text and metadata, which Loki drops in memory
and merges on reading. Its 400 names some lines of a request and has taken the others: they are told again, halved.
"""

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from eucora import clock
from eucora.observe.logs import Said
from eucora.problems import EucoraError, Misconfigured, TryLater
from eucora.stores.durations import duration
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.http import connect, wait_s
from eucora.stores.isolate import Unacceptable, deliver, refusals
from eucora.stores.loki_push import AUDIT, SERVICE, Entry, encode, own, requests, settle
from eucora.stores.ports import Away, Finding, Forgotten, Interval, Kind, Parcel, Told, Whose, finding

JSON = {"content-type": "application/json", "user-agent": "eucora"}
LONGEST_AGO = timedelta(days=800)
"""Nothing in Loki is older: the longest class is kept for 730 days."""

FOR_EVER = (
    (re.compile(r"too old|too far behind"), "too-old", "all"),
    (re.compile(r"too new"), "in-the-future", ""),
    (re.compile(r"max entry size|metadata too large|too many structured"), "too-large", ""),
    (re.compile(r"error parsing labels|label (name|value) too long|label names; limit|UTF-8|utf8"), "not-held", ""),
)
"""What Loki says, our word for it, and of what everything older is refused too."""


class Loki:
    """The port Follower on one server."""

    name = "loki"
    kind: Kind = "lines"

    def __init__(
        self, url: str, ca_file: Path | None = None, oldest: timedelta = timedelta(days=29), tenant: str = ""
    ) -> None:
        """`url`: of the server. `oldest`: of what it is to take. `tenant`: for a server of many."""
        require_tls_beyond_loopback(url, "EUCORA_LOGS_URL")
        self._base = httpx.URL(url)
        self._oldest = oldest
        self._headers = {"x-scope-orgid": tenant} if tenant else {}
        self._http = connect(url, ca_file)

    async def write(self, parcel: Parcel) -> Told:
        """Lines by stream and time, in requests of at most a megabyte."""
        # In a thread: thousands of lines take a while, in which the digest goes on.
        return await self.push(*await asyncio.to_thread(settle, parcel))

    async def push(self, entries: Sequence[Entry], merged: int, clamped: int) -> Told:
        """Entries of any stream, in their order."""
        lost = []
        for part in requests(entries):
            lost += await deliver(part, self._send)
        return Told(len(entries) - len(lost), merged, clamped, refusals(lost))

    async def tell_own(self, service: str, lines: Sequence[Said]) -> None:
        """The platform's own lines, once; what fails is lost."""
        await self._send(own(service, lines))

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Ask once that it be deleted; hidden soon, deleted when a compactor comes round.

        `left`: lines that it shows still, and what it was asked for and has not done.
        """
        since = max(interval.since, clock.now() - LONGEST_AGO).replace(microsecond=0)
        until = min(interval.until, clock.now())
        if since >= until:
            return Forgotten(0)
        query, start, end = selector(whose), _seconds(since), _seconds(until)
        done, shown = await self._is_done(query, start, end), await self._count(query, since, until)
        # What an ingester held when it was deleted in the store is shown again: it is asked for again.
        if done is None or (done and shown):
            await self._delete(query, start, end)
        return Forgotten(shown + (not done))

    async def inspect(self) -> tuple[Finding, ...]:
        """Windows for late lines, structured metadata, retention and deletion."""
        answer = await self._request("GET", "/config")
        if not answer.is_success:
            raise _passing(answer)
        return tuple(findings(answer.text, self._oldest))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _send(self, entries: Sequence[Entry]) -> None:
        answer = await self._request("POST", "/loki/api/v1/push", content=encode(entries), headers=JSON)
        if answer.is_success:
            return
        failure = judge(answer)
        if isinstance(failure, Unacceptable) and failure.reason == "refused" and not await self._takes_nothing():
            raise TryLater("store-unavailable", f"the log server answers {answer.status_code} to anything", 0.0)
        raise failure

    async def _takes_nothing(self) -> bool:
        """A proxy that refuses everything costs no line: an empty request is taken, or refused for being empty."""
        answer = await self._request("POST", "/loki/api/v1/push", content=encode(()), headers=JSON)
        return answer.is_success or (answer.status_code == 422 and "at least one valid stream" in answer.text)

    async def _is_done(self, query: str, start: str, end: str) -> bool | None:
        """Whether the newest request for just this is done; None when there was none."""
        answer = await self._request("GET", "/loki/api/v1/delete")
        if "not enabled" in answer.text or answer.status_code == 404:
            raise Misconfigured("Loki can't forget: set compactor.retention_enabled and compactor.delete_request_store")
        if not answer.is_success:
            raise _passing(answer)
        asked: list[Mapping[str, Any]] = answer.json() or []
        for one in sorted(asked, key=lambda a: float(a["created_at"]), reverse=True):
            same = float(one["start_time"]) <= float(start) and float(end) <= float(one["end_time"])
            if same and one["query"] == query:
                return bool(one["status"] == "processed")
        return None

    async def _delete(self, query: str, start: str, end: str) -> None:
        asked = {"query": query, "start": start, "end": end}
        answer = await self._request("POST", "/loki/api/v1/delete", params=asked)
        if not answer.is_success:
            raise _passing(answer)

    async def _count(self, query: str, since: datetime, until: datetime) -> int:
        """Lines that it shows."""
        span_s = max(1, round((until - since).total_seconds()) + 1)
        counted = {"query": f"sum(count_over_time({query} [{span_s}s]))", "time": f"{until.timestamp():.3f}"}
        answer = await self._request("GET", "/loki/api/v1/query", params=counted)
        if not answer.is_success:
            raise _passing(answer)
        return sum(int(float(one["value"][1])) for one in answer.json()["data"]["result"])

    async def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        headers = {**self._headers, **more.pop("headers", {})}
        try:
            return await self._http.request(method, url, headers=headers, **more)
        except httpx.HTTPError as exc:
            raise Away("log", type(exc).__name__) from exc


def selector(whose: Whose) -> str:
    """Lines of a device, or of a person: ids hold nothing that could end the quotes."""
    given = {"device": whose.device, "subject": whose.subject}
    of = [f'{name}="{uuid.UUID(bytes=one.bytes)}"' for name, one in given.items() if one is not None]
    return f'{{service_name="{SERVICE}"}} | ' + " | ".join(of)


def judge(answer: httpx.Response) -> EucoraError:
    """What a failed push means for the lines: Unacceptable as they are, or TryLater."""
    status, said = answer.status_code, answer.text
    if status == 413:
        return Unacceptable("too-large")
    if status in (400, 422, 500):
        for words, reason, older in FOR_EVER:
            if words.search(said[:2_000]):
                return Unacceptable(reason, older)
    if status in (400, 422):
        return Unacceptable("refused")
    return _passing(answer)


def _passing(answer: httpx.Response) -> TryLater:
    mend = {401: ": mend its credentials or EUCORA_LOGS_TENANT", 403: ": mend its credentials", 404: ": mend its URL"}
    detail = f"the log server answers {answer.status_code}{mend.get(answer.status_code, '')}"
    return TryLater("store-unavailable", detail, wait_s(answer.headers.get("retry-after"), clock.now()))


def findings(config: str, oldest: timedelta) -> list[Finding]:
    """What a server says of itself (its YAML at /config), held against what we need."""
    limits = _part(config, "limits_config")
    sharding = _part(limits, "shard_streams")
    window = duration(_said(limits, "reject_old_samples_max_age"))
    takes_old = _said(limits, "reject_old_samples") == "false" or window >= oldest
    retention = duration(_said(limits, "retention_period"))
    compactor, querier = _part(config, "compactor"), _part(config, "querier")
    return [
        finding(
            "reject_old_samples_max_age",
            takes_old,
            _said(limits, "reject_old_samples_max_age"),
            f"set limits_config.reject_old_samples_max_age to {oldest.days}d: what comes later is refused",
        ),
        finding(
            "time_sharding",
            _said(sharding, "time_sharding_enabled") == "true",
            _said(sharding, "time_sharding_enabled"),
            "set limits_config.shard_streams.time_sharding_enabled: true: else late lines are refused as too far behind",
        ),
        finding(
            "query_ingesters_within",
            duration(_said(querier, "query_ingesters_within")) in (timedelta(0), oldest),
            _said(querier, "query_ingesters_within"),
            "set querier.query_ingesters_within to 0: late lines are not shown before they are flushed, else",
        ),
        finding(
            "structured_metadata",
            _said(limits, "allow_structured_metadata") == "true",
            _said(limits, "allow_structured_metadata"),
            "set limits_config.allow_structured_metadata: true, with a schema v13",
        ),
        finding(
            "retention",
            retention == timedelta(0) or retention >= oldest,
            _said(limits, "retention_period"),
            "set limits_config.retention_period to 180d",
        ),
        finding(
            "retention_audit",
            bool(audit := _of_stream(limits, AUDIT)),
            audit,
            f'add a rule of 730d for {{service_name="{AUDIT}"}} to limits_config.retention_stream',
        ),
        finding(
            "deletion",
            _said(compactor, "retention_enabled") == "true"
            and _said(limits, "deletion_mode") == "filter-and-delete"
            and _said(compactor, "delete_request_store") not in ("", '""'),
            _said(limits, "deletion_mode"),
            "set compactor.retention_enabled, compactor.delete_request_store and limits_config.deletion_mode: "
            "filter-and-delete: without them nothing is erased there before its retention",
        ),
    ]


def _part(text: str, name: str) -> str:
    """The lines below a key of YAML as Loki prints it: what is indented more than the key."""
    found = re.search(rf"(?m)^( *){name}:[^\n]*\n((?:\1 +[^\n]*\n|\s*\n)*)", text + "\n")
    return found[2] if found else ""


def _of_stream(limits: str, service: str) -> str:
    """The period of the rule for the streams of one service; Loki prints the keys of a rule in any order."""
    rules = re.split(r"(?m)^ *- ", _part(limits, "retention_stream"))
    return next((_said(" " + rule, "period") for rule in rules if f'service_name="{service}"' in rule), "")


def _said(text: str, name: str) -> str:
    found = re.search(rf"(?m)^ *{name}: *(\S+)", text)
    return found[1] if found else ""


def _seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))
