"""`eucora`: the command. Every failure is one sentence that says how to mend it."""

import sys
from typing import Annotated

import typer

from eucora import __version__
from eucora.cli.verbs import CODES, SETTINGS, Verbs
from eucora.problems import EucoraError

ABOUT = """EUCORA: ask your own machines, on your own machine.

Begin with [bold]eucora up[/]; then, in another terminal:

  eucora devices                       every device
  eucora devices os:debian package:openssl
  eucora device self                   this machine
  eucora series self cpu --since 1h    drawn
  eucora software self --json          all pages, for jq
"""

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
    epilog=CODES,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"eucora {__version__}")
        raise typer.Exit


@app.callback(help=ABOUT)
def eucora(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version)] = False,
) -> None:
    """The word that all others follow."""


def run() -> None:
    """The entry point."""
    try:
        app()
    except EucoraError as exc:
        sys.stderr.write(f"eucora: {exc}\n")
        sys.exit(getattr(exc, "exit_code", 1))


if __name__ == "__main__":
    run()
