"""The agent of this machine: enrolled once with a token made for it, kept in the data directory."""

import asyncio
import os
import subprocess
import sys

from eucora import assemble
from eucora.embedded.supervise import plain_environment
from eucora.problems import EucoraError
from eucora.settings import Settings, addresses


class NotEnrolled(EucoraError):
    """The local agent could not be enrolled; start with --no-agent to leave it out."""


def agent_environment(settings: Settings) -> dict[str, str]:
    """What the local agent needs to find its own files."""
    own = {k: v for k, v in os.environ.items() if k.startswith("EUCORA_AGENT_")}
    return {**own, "EUCORA_AGENT_DIR": str(settings.data_dir / "agent")}


def enrol_agent(resolved: Settings) -> None:
    """Enrol the local agent if it is not. The token travels in its environment: argv is readable by everybody."""
    if (resolved.data_dir / "agent" / "identity.json").exists():
        return
    token = asyncio.run(assemble.token_for_local_agent(resolved))
    done = subprocess.run(
        (
            sys.executable,
            "-m",
            "eucora_agent.main",
            "enrol",
            "--url",
            addresses(resolved)["enrolment_url"],
            "--ca",
            str(resolved.trusted_file),
        ),
        env={**plain_environment(), **agent_environment(resolved), "EUCORA_AGENT_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotEnrolled(f"the local agent could not be enrolled ({said}); start with --no-agent to leave it out")
