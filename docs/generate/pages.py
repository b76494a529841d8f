"""The reference pages: fields, problems, settings, tables and commands, read off the code that means them."""

import ast
import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

from eucora.cli.verbs import CODES, VERBS
from eucora.pipeline.metrics import DECLARED
from eucora_wire.problems import BASE, REGISTRY, Problem
from eucora_wire.registry import FIELDS, Field

MADE = "<!-- Written by `make generate`. -->\n\n"


def files(root: Path) -> dict[str, str]:
    """The pages by file name. `root` is the repository, where the settings' comments are read."""
    settings = (root / "src/eucora/settings.py").read_text(encoding="utf-8")
    columns = tomllib.loads((root / "src/eucora/migrations/columns.toml").read_text(encoding="utf-8"))
    return {
        "fields.md": fields_page(),
        "problems.md": problems_page(),
        "settings.md": settings_page(settings),
        "tables.md": tables_page(columns),
        "commands.md": commands_page(),
        "metrics.md": metrics_page(),
    }


def fields_page() -> str:
    """One table a section, one row a field."""
    sections = itertools.groupby(FIELDS.values(), key=lambda field: field.path.partition(".")[0])
    tables: dict[str, list[Field]] = {}
    for section, found in sections:
        rows = list(found)
        tables.setdefault("payload" if rows[0].path == section else section, []).extend(rows)
    return (
        f"{MADE}# The fields of the contract\n\n"
        "A field that does not stand here can not be sent. *Class*: `device` says nothing of a person, `pseudonymous` is "
        "a key to one, `personal` names one, `content` is free text. *Leaves as*: what a follower or a model may see. "
        "What is not *collected* is off until a policy with a purpose turns it on.\n\n"
        f"{len(FIELDS)} fields, {sum(bool(field.metric) for field in FIELDS.values())} of them samples.\n"
        + "".join(f"\n## {section}\n\n{_fields_table(rows)}" for section, rows in tables.items())
    )


def _fields_table(rows: list[Field]) -> str:
    head = "| field | what | unit | bounds | metric | class | purposes | retention | leaves as | models | collected |\n"
    return head + "|---|---|---|---|---|---|---|---|---|---|---|\n" + "".join(map(_field_row, rows))


def _field_row(field: Field) -> str:
    leaves = {"none": "itself", "drop": "nothing", "text": "masked text", "path": "masked path"}[field.mask]
    cells = (
        f"`{field.path}`",
        field.about,
        field.unit,
        _bounds(field),
        f"`{field.metric}`" if field.metric else "",
        field.data,
        ", ".join(field.purposes),
        field.retention,
        leaves,
        "yes" if field.models else "no",
        "yes" if field.collected else "**no**",
    )
    return "| " + " | ".join(cells) + " |\n"


def _bounds(field: Field) -> str:
    if field.low is None and field.high is None:
        return ""
    return f"{'' if field.low is None else f'{field.low:g}'} … {'' if field.high is None else f'{field.high:g}'}"


def metrics_page() -> str:
    """Every metric of the platform's own."""
    return (
        f"{MADE}# Metrics of the platform\n\n"
        "What `/metrics` of the operator plane tells a Prometheus that comes with a token (`metrics.read`). No label names "
        "a device or a person.\n\n| metric | kind | labels | what |\n|---|---|---|---|\n"
        + "".join(f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.about} |\n" for m in DECLARED)
    )


def problems_page() -> str:
    """Every refusal, with what the sender should do."""
    return (
        f"{MADE}# Problems\n\n"
        "Every refusal is a problem document (RFC 9457): its `type` is "
        f"`{BASE}` and the slug, its `mend` says what to do, `items` name the fields. *Consumed*: the batch's sequence is "
        "used up and the entry is kept with this verdict. *Kept*: the agent keeps the batch.\n\n"
        "| slug | status | title | mend | the batch is |\n|---|---|---|---|---|\n"
        + "".join(map(_problem_row, REGISTRY.values()))
    )


def _problem_row(problem: Problem) -> str:
    fate = "consumed" if problem.consumed else "settled" if problem.settles else "kept"
    return f"| `{problem.slug}` | {problem.status} | {problem.title} | {problem.mend} | {fate} |\n"


def settings_page(source: str) -> str:
    """Every variable, from the comments above the settings' fields."""
    tree = ast.parse(source)
    settings = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    lines = source.splitlines()
    rows = [_setting_row(node, lines) for node in settings.body if isinstance(node, ast.AnnAssign)]
    return (
        f"{MADE}# Settings\n\nAll an operator may decide, as environment variables. Every default is safe. A fault in any "
        "of them is told at start, all at once, each with its mend.\n\n| variable | default | what |\n|---|---|---|\n"
        + "".join(rows)
    )


def _setting_row(node: ast.AnnAssign, lines: list[str]) -> str:
    assert isinstance(node.target, ast.Name)
    above = itertools.takewhile(lambda line: line.strip().startswith("#"), reversed(lines[: node.lineno - 1]))
    about = " ".join(re.sub(r"^\s*# ?", "", line) for line in reversed(list(above)))
    default = "" if node.value is None else ast.unparse(node.value)
    shown = f"`{default}`" if default not in ("", "''", "None") else ""
    return f"| `EUCORA_{node.target.id.upper()}` | {shown} | {about} |\n"


def tables_page(register: dict[str, dict[str, Any]]) -> str:
    """Every table: who writes it, how long its rows live, and what its columns hold of whom."""
    classes = ("personal", "pseudonymous", "content", "operator", "secret", "device", "platform")
    head = "| table | writer | retention | " + " | ".join(classes) + " |\n" + "|---" * (3 + len(classes)) + "|\n"
    return (
        f"{MADE}# Tables\n\n"
        "What PostgreSQL holds of whom. *Personal* columns are sealed under a key that can be destroyed; *pseudonymous* "
        "ones are keys to a person that mean nothing by themselves; *operator* ones name an operator, who acts under "
        "their own name; *secret* ones are wrapped or digests.\n\n"
        + head
        + "".join(_table_row(name, about, classes) for name, about in register.items())
    )


def _table_row(name: str, about: dict[str, Any], classes: tuple[str, ...]) -> str:
    columns = (", ".join(f"`{column}`" for column in about.get(held, [])) for held in classes)
    return f"| `{name}` | {about['writer']} | {about['retention']} | " + " | ".join(columns) + " |\n"


def commands_page() -> str:
    """Every verb of `eucora`, with the permission it needs and the class under which it is audited."""
    rows = (f"| `eucora {v.words}` | {v.about} | `{v.permission}` | {v.audit} |\n" for v in VERBS)
    return (
        f"{MADE}# Commands\n\nEvery verb of `eucora`. Those that read take `--json`, and then print all pages. {CODES}\n\n"
        "| command | what | permission | audited as |\n|---|---|---|---|\n" + "".join(rows)
    )
