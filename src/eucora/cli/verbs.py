"""Every verb, in the order in which help shows them: where its code is, what it needs, which audit event it leaves.

Code is imported when its verb is typed, so that each answers at once. `local`: whoever may run programs on this
machine as the platform's user.
"""

from importlib import import_module
from typing import Any, Literal

import typer
from msgspec import Struct
from typer.core import TyperCommand, TyperGroup

from eucora.web.scopes import SCOPES

Audited = Literal["none", "system", "access", "administration", "lifecycle", "personal"]


class Verb(Struct, frozen=True):
    """`words` as typed: `audit list`. `code` is module:function."""

    words: str
    code: str
    about: str
    permission: str
    audit: Audited


VERBS = (
    Verb("up", "up:up", "Start the platform here, in the foreground", "local", "system"),
    Verb("down", "up:down", "Stop the platform that runs here", "local", "system"),
    Verb("serve", "serve:serve", "Run one role of the platform", "local", "system"),
    Verb("demo", "demo:demo", "A simulated fleet to look at, and to remove", "tokens.write", "administration"),
    Verb("console", "console:console", "A link that signs a browser in", "status.read", "access"),
    Verb("status", "status:status", "What runs, what lags, what is full", "status.read", "none"),
    Verb("doctor", "doctor:doctor", "What is wrong, and how to mend it", "status.read", "none"),
    Verb("top", "top:top", "The platform, live", "status.read", "none"),
    Verb("support", "support:support", "A bundle for whoever helps", "support.read", "administration"),
    Verb("tap", "tap:tap", "Records of a device as they pass", "telemetry.content.read", "personal"),
    Verb("backup", "backup:backup", "A copy of everything, while it runs", "local", "system"),
    Verb("restore", "backup:restore", "Put a backup in place", "local", "lifecycle"),
    Verb("completeness", "completeness:completeness", "Did everything arrive; if not, why", "devices.read", "none"),
    Verb("verify", "verify:verify", "Hold an installation to its word", "tokens.write", "administration"),
    Verb("incidents", "incidents:incidents", "What is wrong with what devices deliver", "devices.read", "none"),
    Verb("explain", "explain:explain", "One batch and its whole way", "status.read", "none"),
    Verb("stores list", "stores:listed", "How far each server that follows was told", "status.read", "none"),
    Verb("stores pause", "stores:pause", "Tell one nothing for a while", "stores.write", "administration"),
    Verb("stores resume", "stores:resume", "Go on telling it", "stores.write", "administration"),
    Verb("stores again", "stores:again", "Tell it once more, from a time", "stores.write", "administration"),
    Verb("retention show", "retention:show", "How long data is kept: as set, and really", "status.read", "none"),
    Verb("devices", "devices:devices", "Find devices", "devices.read", "personal"),
    Verb("device", "devices:device", "One device: its facts and newest values", "devices.read", "personal"),
    Verb("software", "software:software", "What is installed on a device", "software.read", "none"),
    Verb(
        "series", "series:series", "One metric of a device or of the fleet over time, drawn", "telemetry.read", "none"
    ),
    Verb("lines", "lines:lines", "Find log lines and events", "telemetry.content.read", "personal"),
    Verb("changes", "lines:changes", "What changed on a device", "telemetry.content.read", "personal"),
    Verb("crashes", "lines:crashes", "What crashed on a device", "telemetry.content.read", "personal"),
    Verb("traces", "traces:traces", "Find spans and their traces", "telemetry.content.read", "personal"),
    Verb("trace", "traces:trace", "One trace as a waterfall", "telemetry.content.read", "personal"),
    Verb("deadletters list", "deadletters:listed", "What could not be stored, and why", "deadletters.read", "none"),
    Verb("deadletters replay", "deadletters:replay", "Digest it again", "deadletters.replay", "lifecycle"),
    Verb("redigest", "redigests:redigest", "Digest a range again, after a fix", "archive.redigest", "lifecycle"),
    Verb("redigests", "redigests:redigests", "What was digested again, and how far it is", "status.read", "none"),
    Verb("move", "devices:move", "Say where a device belongs", "devices.write", "administration"),
    Verb("clones list", "clones:listed", "Streams held: two machines may be one identity", "devices.read", "none"),
    Verb("clones close", "clones:close", "Say what it was", "devices.revoke", "lifecycle"),
    Verb("revoke", "devices:revoke", "Turn a device away for good", "devices.revoke", "lifecycle"),
    Verb("forget", "subjects:forget", "Erase a person", "subjects.forget", "lifecycle"),
    Verb("erase", "erasures:erase", "Erase a device, or an interval of it", "devices.erase", "lifecycle"),
    Verb("erasures", "erasures:erasures", "What was erased, and where it is gone", "devices.read", "none"),
    Verb("enrolment-tokens list", "enrolment_tokens:listed", "Tokens that enrol devices", "tokens.read", "none"),
    Verb("enrolment-tokens create", "enrolment_tokens:create", "Make one", "tokens.write", "administration"),
    Verb("enrolment-tokens revoke", "enrolment_tokens:revoke", "End one", "tokens.write", "administration"),
    Verb("tokens list", "tokens:listed", "Tokens of operators", "tokens.read", "none"),
    Verb("tokens create", "tokens:create", "Make one", "tokens.write", "administration"),
    Verb("tokens revoke", "tokens:revoke", "End one", "tokens.write", "administration"),
    Verb("operators list", "operators:listed", "Who may hold tokens", "operators.read", "none"),
    Verb("operators create", "operators:create", "Name an operator", "operators.write", "administration"),
    Verb("operators disable", "operators:disable", "End an operator's tokens", "operators.write", "administration"),
    Verb("audit list", "audit:listed", "What was done, newest first", "audit.read", "none"),
    Verb("audit verify", "audit:verify", "Is the trail whole? Of the platform, or of an export", "audit.read", "none"),
    Verb("audit export", "audit:export", "The whole trail as JSON lines", "audit.read", "lifecycle"),
)

GROUPS = {
    "stores": "Servers that follow the archive",
    "retention": "How long data is kept",
    "clones": "Two machines that present one identity",
    "deadletters": "What could not be stored",
    "enrolment-tokens": "Tokens that enrol devices",
    "tokens": "Tokens of operators",
    "operators": "Who may hold tokens",
    "audit": "The audit trail",
}
CODES = "Ends with 0: done · 1: refused or failed · 2: not understood · 3: the platform does not answer."
SETTINGS = {"help_option_names": ["-h", "--help"]}


class Verbs(TyperGroup):
    """Commands out of the table; those that begin with `prefix`. What has a `list` lists when nothing else is typed."""

    prefix = ""
    listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The next word of each verb, in the table's order."""
        return list(dict.fromkeys(v.words.removeprefix(self.prefix).split()[0] for v in self._verbs()))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The code behind a word, imported now; while help lists the words, only what the table says of them."""
        if not self.prefix and cmd_name in GROUPS:
            return group(cmd_name)
        verb = next((v for v in self._verbs() if v.words == self.prefix + cmd_name), None)
        if verb is not None and self.listing:
            return TyperCommand(cmd_name, help=verb.about)
        return None if verb is None else command(verb)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of words."""
        self.listing = True
        without_types(self, ctx)
        super().format_help(ctx, formatter)
        self.listing = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`eucora tokens` is `eucora tokens list`, but not while a shell asks which words there are."""
        words = self.list_commands(ctx)
        if (
            not ctx.resilient_parsing
            and "list" in words
            and (not args or args[0] not in (*words, *SETTINGS["help_option_names"]))
        ):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def _verbs(self) -> list[Verb]:
        return [v for v in VERBS if v.words.startswith(self.prefix)]


class Leaf(TyperCommand):
    """A verb; its help is its docstring, whose lines are joined to paragraphs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What it does, and how it is used."""
        self.help = "\n\n".join(" ".join(part.split()) for part in (self.help or "").split("\n\n"))
        without_types(self, ctx)
        super().format_help(ctx, formatter)


def without_types(command: Any, ctx: Any) -> None:
    """A switch takes no value, so none is shown beside it."""
    for each in command.get_params(ctx):
        if getattr(each, "is_flag", False):
            each.metavar = ""


def group(name: str) -> Any:
    """The verbs below a noun."""
    kind = type("Below", (Verbs,), {"prefix": name + " "})
    app = typer.Typer(cls=kind, help=GROUPS[name], context_settings=SETTINGS, add_completion=False)
    app.callback()(_nothing)
    made = typer.main.get_command(app)
    made.name = name
    return made


def command(verb: Verb) -> Any:
    """One verb as a command; its help is the function's docstring, behind what it needs."""
    module, _, name = verb.code.partition(":")
    app = typer.Typer(context_settings=SETTINGS, add_completion=False)
    needs = "Runs on this machine" if verb.permission == "local" else f"Needs {verb.permission}"
    app.command(verb.words.split()[-1], cls=Leaf, epilog=f"{needs}. {CODES}", short_help=verb.about)(
        getattr(import_module(f"eucora.cli.{module}"), name)
    )
    made: Any = typer.main.get_command(app)
    return made


def _nothing() -> None:
    """A group does nothing by itself."""


def undeclared() -> list[str]:
    """Verbs whose permission is not one."""
    return [v.words for v in VERBS if v.permission not in (*SCOPES, "local")]
