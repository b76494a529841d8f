"""`eucora-agent`: enrol, run, status, collect, renew, install-service. Every failure is one sentence with its mend."""

import argparse
import os
import sys
from pathlib import Path

from eucora_agent.problems import EucoraError
from eucora_agent.settings import Settings, read


def run() -> None:
    """The entry point."""
    try:
        given = arguments().parse_args()
        given.do(read(), given)
    except (EucoraError, OSError) as exc:
        sys.stderr.write(f"eucora-agent: {exc}\n")
        sys.exit(1)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "eucora-agent", description="EUCORA's agent: signs and sends this machine's telemetry."
    )
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    enrol = words.add_parser("enrol", help="make a key and have it certified")
    enrol.add_argument("--url", required=True, help="the enrolment listener, https://HOST:PORT")
    enrol.add_argument("--ca", required=True, type=Path, help="the platform's authority (authority/trusted.pem)")
    enrol.add_argument("--token", default="", help="better in EUCORA_AGENT_TOKEN: a command line is read by everybody")
    enrol.set_defaults(do=_enrol)
    loop = words.add_parser("run", help="collect and send, in the foreground")
    loop.add_argument("--once", action="store_true", help="one round, then end")
    loop.set_defaults(do=_run)
    shown = words.add_parser("status", help="what the running agent does and costs")
    shown.add_argument("--json", action="store_true")
    shown.set_defaults(do=_status)
    once = words.add_parser("collect", help="print what would be sent now; sends nothing")
    once.add_argument("--json", action="store_true", help="on one line")
    once.set_defaults(do=_collect)
    words.add_parser("renew", help="renew the certificate now").set_defaults(do=_renew)
    service = words.add_parser("install-service", help="write the systemd unit (--print to look at it)")
    service.add_argument("--print", action="store_true", dest="only_print")
    service.set_defaults(do=_install)
    return parser


def _enrol(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.enrol import enrol

    token = given.token or os.environ.get("EUCORA_AGENT_TOKEN", "")
    who = enrol(settings, given.url, given.ca, token)
    print(f"enrolled as {who.device_id}; certificate until {who.expires:%Y-%m-%d %H:%M} UTC")  # noqa: T201


def _run(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.run import run as loop

    loop(settings, once=given.once)


def _renew(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.enrol import renew

    print(f"certificate until {renew(settings).expires:%Y-%m-%d %H:%M} UTC")  # noqa: T201


def _status(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.show import show_status

    show_status(settings, as_json=given.json)


def _collect(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.show import show_payload

    show_payload(as_json=given.json)


def _install(settings: Settings, given: argparse.Namespace) -> None:
    from eucora_agent.service.systemd import install

    install(settings, only_print=given.only_print)


if __name__ == "__main__":
    run()
