"""What the shell offers for a word that is begun, at every depth."""

import os
import subprocess
import sys

import pytest


def offered(typed: str) -> list[str]:
    """For the last word of what is typed, which may be empty."""
    words = typed.split(" ")
    environ = {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1), "_EUCORA_COMPLETE": "complete_bash"}
    code = "import sys; sys.argv[0] = 'eucora'; from eucora.cli.main import run; run()"
    told = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environ, capture_output=True, text=True, check=True
    )
    return told.stdout.split()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("eucora dev", ["devices", "device"]),
        ("eucora audit v", ["verify"]),
        ("eucora enrolment-tokens ", ["list", "create", "revoke"]),
        ("eucora devices --per", ["--personal"]),
        ("eucora serve g", ["gateway"]),
        ("eucora series self lat", ["latency_ms"]),
        ("eucora series self hardware.mem", ["hardware.memory", "hardware.memory_total", "hardware.memory_used"]),
    ],
)
def test_words_are_offered(typed: str, words: list[str]) -> None:
    assert offered(typed) == words
