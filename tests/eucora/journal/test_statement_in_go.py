"""A second implementation of the statement's page, in Go with its standard library: it says the same of every statement."""

import base64
import shutil
import subprocess
from pathlib import Path

from tests.eucora.journal.test_statement import FORGERIES, Lines, again, line, statement
from tests.eucora.line import Line

ROOT = Path(__file__).parents[3]
GO = shutil.which("go") or "go"


def test_a_second_implementation_says_the_same(statement: tuple[Lines, bytes], line: Line, tmp_path: Path) -> None:
    lines, key = statement
    program = tmp_path / "verify"
    subprocess.run([GO, "build", "-o", program, "."], cwd=ROOT / "tests/live/verify", check=True)

    def says(told: Lines) -> tuple[int, str]:
        file = tmp_path / "statement.jsonl"
        file.write_bytes(b"".join(told))
        argv = [program, file, base64.b64encode(key).decode()]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert says(lines) == (1, "4 batches, 14 items\nmissing 12-14\n")
    for forgery in FORGERIES.values():
        assert says(again(lines, line.secrets.audit, forgery))[0] == 2


__all__ = ["line", "statement"]
