"""The published OpenAPI document: what the framework makes of our types, with our problem documents as refusals."""

from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin

from eucora.operators.page import page
from eucora_wire.problems import MEDIA_TYPE, Document

REFUSALS = {
    "400": "The request can't be read",
    "401": "No valid token",
    "403": "The token lacks the permission",
    "404": "There is no such thing",
    "422": "The answer takes more than a query may",
    "429": "Too many refusals from this address",
    "503": "The platform can't answer now",
}


class DocumentPlugin(JsonRenderPlugin):
    """JSON, for programs."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document."""
        return msgspec.json.encode(published(openapi_schema))


class PagePlugin(OpenAPIRenderPlugin):
    """HTML, for people."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as a page, in UTF-8."""
        return page(published(openapi_schema)).encode()


def published(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with every refusal as a problem document."""
    _, schemas = msgspec.json.schema_components([Document], ref_template="#/components/schemas/{name}")
    components = _of_one_kind(document["components"])
    paths = {path: _methods(methods) for path, methods in document["paths"].items()}
    return {**document, "paths": paths, "components": {**components, "schemas": {**components["schemas"], **schemas}}}


def _methods(methods: dict[str, Any]) -> dict[str, Any]:
    return {name: _operation(told) if "responses" in told else told for name, told in methods.items()}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Document"}}}
    refusals = {status: {"description": about, "content": content} for status, about in REFUSALS.items()}
    return {**operation, "responses": {**operation["responses"], **refusals}}


def _of_one_kind(part: Any) -> Any:
    """Lists hold one kind: the framework takes the ellipsis of a bounded `tuple[X, ...]` for a second kind, anything."""
    if isinstance(part, list):
        return [_of_one_kind(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    plain = {name: _of_one_kind(inner) for name, inner in part.items()}
    match plain.get("items"):
        case {"oneOf": [kind, {**anything}]} if not anything:
            plain["items"] = kind
    return plain
