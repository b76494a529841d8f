"""AWS Signature Version 4, which every S3 server checks: a pure function from a request to its headers.

Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, whose examples are the tests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(msgspec.Struct, frozen=True):
    """An S3 access key, and the region that the server calls itself."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return "Credentials(…)"


def canonical_path(*segments: str) -> str:
    """A path as it is signed and sent: every segment encoded, slashes within a key kept."""
    return "/" + "/".join(quote(segment, safe="/-_.~") for segment in segments if segment)


def canonical_query(query: Mapping[str, str]) -> str:
    """A query string as it is signed and sent: encoded, in order of its names."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed_headers(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """All headers of the request: those given (lower case), host, date, digest of the body, and the signature.

    `path` and `query` are canonical, as `canonical_path` and `canonical_query` make them; `now` is aware.
    """
    digest = hashlib.sha256(body).hexdigest()
    time = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{credentials.region}/s3/aws4_request"
    all_headers = {**headers, "host": host, "x-amz-date": time, "x-amz-content-sha256": digest}
    names = sorted(all_headers)
    lines = [f"{name}:{' '.join(all_headers[name].split())}" for name in names]
    request = "\n".join((method, path, query, *lines, "", ";".join(names), digest))
    to_sign = "\n".join((ALGORITHM, time, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    authorization = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope},"
        f"SignedHeaders={';'.join(names)},Signature={_mac(key, to_sign).hex()}"
    )
    return {**all_headers, "authorization": authorization}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
