"""The API's document as a page: plain HTML made here, so that nothing is fetched from anywhere. Pure."""

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2rem 0 0; font: 600 1rem ui-monospace, monospace; }
h2 b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; color: #1570a6; }
p { margin: .2rem 0; } table { border-collapse: collapse; margin: .4rem 0; }
td { padding: .1rem 1rem .1rem 0; vertical-align: top; } code { font: .9em ui-monospace, monospace; }
.quiet { opacity: .7; }
"""


def page(document: dict[str, Any]) -> str:
    """Every operation with its parameters, its body and its answers; then every type."""
    info = document["info"]
    operations = [
        _operation(path, method, operation)
        for path, methods in sorted(document["paths"].items())
        for method, operation in methods.items()
        if isinstance(operation, dict)
    ]
    types = [_type(name, schema) for name, schema in sorted(document["components"].get("schemas", {}).items())]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f"<style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info.get('summary', ''))} <a href='/schema/openapi.json'>OpenAPI document</a></p>"
        f"{''.join(operations)}<h1>Types</h1>{''.join(types)}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        _row(p["name"], f"in {p['in']}, {_shown(p.get('schema', {}))}", p.get("description") or "")
        for p in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    rows += [_row("body", _shown(content.get("schema", {})), "") for content in body.values()]
    for status, answer in operation.get("responses", {}).items():
        shown = [_shown(content.get("schema", {})) for content in answer.get("content", {}).values()]
        rows.append(_row(status, ", ".join(shown), answer.get("description") or ""))
    about = operation.get("description") or operation.get("summary") or ""
    return f"<h2><b>{method}</b> {escape(path)}</h2><p>{escape(about)}</p><table>{''.join(rows)}</table>"


def _type(name: str, schema: dict[str, Any]) -> str:
    rows = [
        _row(field, _shown(rule), rule.get("description") or "") for field, rule in schema.get("properties", {}).items()
    ]
    about = schema.get("description") or ""
    return f"<h2 id='{escape(name)}'>{escape(name)}</h2><p>{escape(about)}</p><table>{''.join(rows)}</table>"


def _row(name: str, kind: str, about: str) -> str:
    return f"<tr><td><code>{escape(name)}</code><td class=quiet>{kind}<td>{escape(about)}"


def _shown(schema: dict[str, Any]) -> str:
    """A schema in a few words, a named type as a link."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "oneOf" in schema or "anyOf" in schema:
        return " or ".join(_shown(part) for part in schema.get("oneOf") or schema["anyOf"])
    if "enum" in schema:
        return escape(" | ".join(str(value) for value in schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_shown(schema.get('items', {}))}"
    kinds = schema.get("type", "any")
    return escape(" or ".join(kinds) if isinstance(kinds, list) else str(schema.get("format", kinds)))
