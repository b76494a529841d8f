"""Pages out of templates: what is put in is escaped, nothing comes from elsewhere, no cache keeps anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from eucora import clock
from eucora.web.words import duration, human

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


def _environment() -> Environment:
    found = Environment(
        loader=ChoiceLoader([PackageLoader("eucora.web"), PackageLoader("eucora.operators.console")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {
        "ago": ago,
        "moment": moment,
        "human": human,
        "duration": duration,
        "count": count,
        "short": short,
    }
    return found


def moment(at: datetime | None) -> Markup | str:
    """A time in UTC, readable by machines too."""
    if at is None:
        return ""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S"))


def ago(at: datetime | None) -> Markup | str:
    """How long ago; the time itself in its title."""
    if at is None:
        return "never"
    past_s = (clock.now() - at).total_seconds()
    said = (
        "now"
        if past_s < 1
        else f"{duration(past_s).split(' min')[0] + (' min' if ' min' in duration(past_s) else '')} ago"
    )
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S"), said
    )


def count(number: float) -> str:
    return f"{number:,.0f}"


def short(device: Any) -> str:
    """The beginning of an id, which tells devices of a page apart."""
    return str(device)[:8]


ENVIRONMENT = _environment()


def page(
    template: str, given: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A page. `given` is what the template names."""
    body = ENVIRONMENT.get_template(template).render(given).encode()
    return Response(
        body, status_code=status, media_type="text/html; charset=utf-8", headers={**HEADERS, **(headers or {})}
    )
