"""Servers that are spoken to by HTTP: a client that trusts nobody undeclared, and how long one is asked to wait."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

TIMEOUT = httpx.Timeout(30.0, connect=3.0)
LIMITS = httpx.Limits(max_connections=4, keepalive_expiry=20.0)
LONGEST_WAIT_S = 300.0
"""Of what a Retry-After asks for."""


def connect(url: str, ca_file: Path | None = None) -> httpx.AsyncClient:
    """A client for one server; a proxy from the environment would be an endpoint that nobody declared."""
    return httpx.AsyncClient(verify=_tls(url, ca_file), timeout=TIMEOUT, limits=LIMITS, trust_env=False)


def _tls(url: str, ca_file: Path | None) -> ssl.SSLContext:
    if url.startswith("https:"):
        return ssl.create_default_context(cafile=ca_file)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, costs nothing: loopback speaks without TLS


def wait_s(retry_after: str | None, now: datetime) -> float:
    """Seconds that the server asks for, at most LONGEST_WAIT_S; 0 when it asks for none."""
    if not retry_after:
        return 0.0
    try:
        asked = float(retry_after) if retry_after.strip().isdigit() else _until(retry_after, now)
    except ValueError:
        return 0.0
    return min(max(asked, 0.0), LONGEST_WAIT_S)


def _until(date: str, now: datetime) -> float:
    moment = parsedate_to_datetime(date)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
