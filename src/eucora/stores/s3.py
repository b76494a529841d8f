"""A bucket on any S3 server. Why httpx and a signature of our own: docs/decisions/s3-client.md.

Every body travels with its SHA-256 under the signature: what the server keeps is what we sent, or nothing.
"""

import base64
import hashlib
import ssl
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import httpx

from eucora import clock
from eucora.problems import EucoraError, Misconfigured, Refused, TryLater
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.ports import S3Endpoint, Stored
from eucora.stores.sigv4 import Credentials, canonical_path, canonical_query, signed_headers

TIMEOUT = httpx.Timeout(30.0, connect=3.0)
LIMITS = httpx.Limits(max_connections=16, keepalive_expiry=20.0)
_OUR_FAULT = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "AuthorizationHeaderMalformed"}
_NOT_THERE = {"NoSuchKey", "NoSuchVersion", "NotFound", ""}
"""Servers answer 404 to other things too: Versity's gateway to a key of access that it does not know."""


class S3Objects:
    """The port Objects on one bucket. Raises TryLater when the server is away, Misconfigured when it doesn't know us."""

    def __init__(self, endpoint: S3Endpoint, bucket: str) -> None:
        require_tls_beyond_loopback(endpoint.url, "EUCORA_S3_URL")
        self.bucket = bucket
        self.page_size = 1000
        self._credentials = Credentials(endpoint.access_key, endpoint.secret_key, endpoint.region)
        self._url = httpx.URL(endpoint.url)
        # trust_env: a proxy from the environment would be an endpoint that nobody declared.
        self._http = httpx.AsyncClient(verify=_tls(endpoint), timeout=TIMEOUT, limits=LIMITS, trust_env=False)

    async def put(
        self, key: str, body: bytes, *, if_absent: bool = False, locked_until: datetime | None = None
    ) -> Stored | None:
        """Store a body; None when `if_absent` and the key is taken."""
        headers = {"if-none-match": "*"} if if_absent else {}
        if locked_until is not None:
            headers |= {
                "x-amz-object-lock-mode": "COMPLIANCE",
                "x-amz-object-lock-retain-until-date": _instant(locked_until),
                "content-md5": _md5(body),
            }
        answer = await self._ask("PUT", key, headers=headers, body=body, allow=(412,))
        return None if answer.status_code == 412 else _stored(key, answer, len(body))

    async def get(self, key: str, version: str | None = None) -> bytes | None:
        """The body, or None when there is no such object."""
        answer = await self._ask("GET", key, query=_version(version), allow=(404,))
        return None if answer.status_code == 404 else answer.content

    async def lock(self, key: str, until: datetime, version: str | None = None) -> None:
        """Lock (COMPLIANCE) what is stored already. Raises Refused for an end before that of its lock."""
        body = (
            '<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>COMPLIANCE</Mode>'
            f"<RetainUntilDate>{_instant(until)}</RetainUntilDate></Retention>"
        ).encode()
        query = {"retention": ""} | _version(version)
        answer = await self._ask("PUT", key, query=query, headers={"content-md5": _md5(body)}, body=body, allow=(403,))
        if answer.status_code == 403:
            raise Refused("locked", "a lock can be made longer, not shorter")

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Objects whose key begins so, by key; read page by page."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(self.page_size)}
        while True:
            page = ElementTree.fromstring((await self._ask("GET", "", query=query)).content)  # noqa: S314 - our server
            for entry in page.iterfind("{*}Contents"):
                etag, size = entry.findtext("{*}ETag", ""), entry.findtext("{*}Size", "0")
                yield Stored(entry.findtext("{*}Key", ""), etag.strip('"'), None, int(size))
            token = page.findtext("{*}NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    async def delete(self, key: str, version: str | None = None) -> None:
        """Delete; what is not there is deleted already. Raises Refused when it is locked."""
        answer = await self._ask("DELETE", key, query=_version(version), allow=(403, 404))
        if answer.status_code == 403:
            raise Refused("locked")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _ask(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        allow: tuple[int, ...] = (),
    ) -> httpx.Response:
        """One signed request; a connection that was lost while idle is worth a second try, nothing else is."""
        try:
            try:
                answer = await self._send(method, key, query or {}, headers or {}, body)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                answer = await self._send(method, key, query or {}, headers or {}, body)
        except httpx.TransportError as exc:
            raise TryLater("store-unavailable", f"the object store does not answer ({type(exc).__name__})") from exc
        code = _code(answer)
        if answer.is_success or (answer.status_code in allow and _means_what_it_says(answer.status_code, code)):
            return answer
        raise _failure(answer.status_code, code)

    async def _send(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> httpx.Response:
        path, search = canonical_path(self.bucket, key), canonical_query(query)
        host = self._url.netloc.decode()
        signed = signed_headers(method, host, path, search, headers, body, self._credentials, clock.now())
        target = self._url.copy_with(raw_path=f"{path}?{search}".encode() if search else path.encode())
        return await self._http.request(method, target, headers=signed, content=body)


def _means_what_it_says(status: int, code: str) -> bool:
    return code in _NOT_THERE if status == 404 else code not in _OUR_FAULT


def _tls(endpoint: S3Endpoint) -> ssl.SSLContext:
    if endpoint.url.startswith("https:"):
        return ssl.create_default_context(cafile=endpoint.ca_file)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, costs nothing: loopback speaks without TLS


def _failure(status: int, code: str) -> EucoraError:
    if status >= 500 or status in (409, 429):
        return TryLater("store-unavailable", f"the object store answers {status}")
    return Misconfigured(f"the object store refuses us ({status} {code}): mend EUCORA_S3_URL, its keys or its buckets")


def _code(answer: httpx.Response) -> str:
    """The error code of S3's XML, or nothing."""
    if answer.is_success:
        return ""
    try:
        return ElementTree.fromstring(answer.content).findtext("{*}Code", "")  # noqa: S314 - our server
    except ElementTree.ParseError:
        return ""


def _stored(key: str, answer: httpx.Response, size: int) -> Stored:
    return Stored(key, answer.headers.get("etag", "").strip('"'), answer.headers.get("x-amz-version-id"), size)


def _version(version: str | None) -> dict[str, str]:
    return {} if version is None else {"versionId": version}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _md5(body: bytes) -> str:
    """What S3 demands beside a lock; the signature's SHA-256 is what we rely on."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
