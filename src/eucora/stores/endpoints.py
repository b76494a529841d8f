"""Where a store may be: anywhere on this machine, and beyond it only behind TLS whose certificate is verified."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from eucora.problems import Misconfigured

_MENDS = {
    "postgresql": "add sslmode=verify-full (and sslrootcert=FILE for an authority of your own)",
    "rediss": "leave out ssl_cert_reqs and ssl_check_hostname",
    "redis": "write rediss:// (and ssl_ca_certs=FILE for an authority of your own)",
    "grpcs": "",
    "grpc": "write grpcs://",
    "https": "",
    "http": "write https://",
}


def require_tls_beyond_loopback(url: str, setting: str = "the URL of a store") -> None:
    """Raises Misconfigured, one sentence with the mend, for a URL that leaves this machine without verified TLS.

    `setting` names the variable that held the URL; the URL itself may carry a password and is never repeated.
    """
    try:
        parts = urlsplit(url)
        hosts = _hosts(parts.netloc, options := _options(parts.query))
    except ValueError as exc:
        raise Misconfigured(f"{setting} is not a URL: mend it") from exc
    scheme = {"postgres": "postgresql"}.get(parts.scheme, parts.scheme)
    if scheme not in _MENDS:
        raise Misconfigured(f"{setting} must begin with postgresql://, rediss://, grpcs:// or https://")
    if not hosts:
        raise Misconfigured(f"{setting} names no host: add one")
    if not all(_is_here(host) for host in hosts) and not _is_verified(scheme, options):
        raise Misconfigured(f"{setting} leaves this machine without verified TLS: {_MENDS[scheme]}")


def _options(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _hosts(netloc: str, options: Mapping[str, str]) -> list[str]:
    """Every host that a client may connect to. PostgreSQL takes several, in either place, and folders of sockets."""
    named = netloc.rpartition("@")[2].split(",") + options.get("host", "").split(",")
    return [_without_port(host) for host in named if host]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 or host.startswith("/") else host.partition(":")[0]


def _is_here(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_verified(scheme: str, options: Mapping[str, str]) -> bool:
    if scheme == "postgresql":
        return options.get("sslmode") == "verify-full"
    if scheme == "rediss":
        weakened = options.get("ssl_check_hostname", "true").lower() in ("false", "0", "no", "off")
        return options.get("ssl_cert_reqs", "required") == "required" and not weakened
    return scheme in ("https", "grpcs")
