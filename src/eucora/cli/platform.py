"""The operator API as the commands see it: one request, or all pages of a list.

Which platform: operator.json says, its CA pinned there; or, on a machine that has none, EUCORA_OPERATOR_URL (or an
option that stands for it) with EUCORA_OPERATOR_TOKEN and EUCORA_OPERATOR_CA_FILE (empty: the system's authorities).
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from eucora import settings
from eucora.problems import EucoraError
from eucora_wire.problems import BASE, Document

PATIENCE_S = 60.0
PAGE = 500


class NotRunning(EucoraError):
    """The platform does not answer: start it with eucora up."""

    exit_code = 3


class Silent(NotRunning):
    """The platform takes connections, and does not answer in time: its database may hang."""


class Turned(EucoraError):
    """The platform refused, in its own words; `slug` names the problem."""

    slug = ""


class Operator(msgspec.Struct, frozen=True):
    """What `operator.json` holds. `ca`: a file; empty: the system's authorities."""

    url: str
    token: str
    ca: str = ""
    device_url: str = ""
    enrolment_url: str = ""

    def __repr__(self) -> str:
        return f"Operator({self.url!r}, …)"


class Platform:
    """A connection to the operator API. Raises NotRunning or Turned."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, /, **params: Any) -> Any:
        """The answer to one question."""
        return self._ask("GET", path, params=_given(params))

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to one act."""
        return self._ask("POST", path, json={} if body is None else _given(body))

    def delete(self, path: str) -> None:
        """End something."""
        self._ask("DELETE", path)

    def pages(self, path: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, **{"limit": PAGE, **params, "after": after})
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def stream(self, path: str, /, **params: Any) -> Iterator[bytes]:
        """A long answer, as it comes."""
        with _answered(), self._client.stream("GET", path, params=_given(params)) as answer:
            if answer.is_error:
                answer.read()
                _judge(answer)
            yield from answer.iter_bytes()

    def rows(self, path: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, as they are found. Raises Turned for an answer that broke off."""
        headers = {"accept": "application/x-ndjson"}
        with _answered(), self._client.stream("GET", path, params=_given(params), headers=headers) as answer:
            if answer.is_error:
                answer.read()
                _judge(answer)
            for line in answer.iter_lines():
                row = msgspec.json.decode(line)
                if str(row.get("type", "")).startswith(BASE):
                    raise Turned(_words(msgspec.convert(row, Document)))
                yield row

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        with _answered():
            answer = self._client.request(method, path, **more)
        _judge(answer)
        return msgspec.json.decode(answer.content) if answer.content else None


@contextmanager
def platform(patience_s: float = PATIENCE_S, to: Operator | None = None) -> Iterator[Platform]:
    """The platform that environment or file name, or another. Raises NotRunning when there is none."""
    found = to or operator()
    with httpx.Client(
        base_url=f"{found.url}/api/v1",
        headers={"authorization": f"Bearer {found.token}"},
        verify=_trusting(found.ca),
        timeout=patience_s,
        trust_env=False,
    ) as client:
        yield Platform(client)


def operator(url: str | None = None) -> Operator:
    """The platform at `url`, else at EUCORA_OPERATOR_URL, else what operator.json says.

    A token is sent nowhere but where it belongs: the file's goes to the file's URL alone, the
    environment's to its own where it names one. Raises NotRunning when there is
    no such file, Turned when it can't be read or holds no token for that URL.
    """
    named = os.environ.get("EUCORA_OPERATOR_URL", "").rstrip("/")
    wanted = url.rstrip("/") if url else named
    if not wanted:
        return _filed(operator_file())
    if not wanted.startswith("https://"):
        raise Turned(f"{wanted} is no https:// address: a token travels encrypted only")
    if (token := os.environ.get("EUCORA_OPERATOR_TOKEN")) and named in ("", wanted):
        return Operator(wanted, token, os.environ.get("EUCORA_OPERATOR_CA_FILE", ""))
    if operator_file().exists() and (known := _filed(operator_file())).url == wanted:
        return known
    raise Turned(f"there is no token for {wanted}: set EUCORA_OPERATOR_TOKEN, and EUCORA_OPERATOR_CA_FILE")


def _filed(path: Path) -> Operator:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Operator)
    except FileNotFoundError as exc:
        raise NotRunning(f"there is no {path}: start the platform with eucora up, or set EUCORA_OPERATOR_FILE") from exc
    except PermissionError as exc:
        raise Turned(f"{path} belongs to another user: run this as that user, or set EUCORA_OPERATOR_FILE") from exc
    except msgspec.DecodeError as exc:
        raise Turned(f"{path} is damaged: remove it, and eucora up makes it anew") from exc


def operator_file() -> Path:
    """EUCORA_OPERATOR_FILE, else operator.json in the data directory."""
    named = os.environ.get("EUCORA_OPERATOR_FILE")
    if named:
        return Path(named)
    folder = os.environ.get("EUCORA_DATA_DIR")
    return (Path(folder).expanduser() if folder else settings.default_data_dir(os.environ)) / "operator.json"


def _trusting(ca: str) -> ssl.SSLContext:
    """TLS that trusts the platform's own authority and nobody else; whom the system trusts, when none is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not ca:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca)
    except OSError as exc:
        raise Turned(f"the authority file {ca} can't be read: run eucora up once, or copy it here") from exc
    return context


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except httpx.ConnectError as exc:
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            raise Turned("something else answers at that address: its certificate is not the platform's") from exc
        raise NotRunning("the platform does not answer: start it with eucora up") from exc
    except httpx.ReadTimeout as exc:
        raise Silent("the platform takes connections, and does not answer in time: its database may hang") from exc
    except httpx.TransportError as exc:
        raise NotRunning(f"the platform stopped answering ({type(exc).__name__}): see eucora status") from exc


def _judge(answer: httpx.Response) -> None:
    """Raises Turned with the problem's own words."""
    if not answer.is_error:
        return
    try:
        told = msgspec.json.decode(answer.content, type=Document)
    except msgspec.DecodeError:
        raise Turned(f"the platform answered {answer.status_code} without saying why") from None
    refused = Turned(_words(told))
    refused.slug = told.type.removeprefix(BASE)
    raise refused


def _words(told: Document) -> str:
    said = ": ".join(part.rstrip(".") for part in (told.title, told.detail) if part)
    return f"{said}. {told.mend}"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
