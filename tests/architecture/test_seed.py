"""The seed's ledger is whole, true, and the README shows its counts."""

from pathlib import Path

from docs.seed import LEDGER, ROOT, SPECIFICATION, counts, entries, faults
from docs.specification import Item, items

ASKED = items(SPECIFICATION.read_text(encoding="utf-8"))
TOLD = entries(LEDGER.read_text(encoding="utf-8"))


def test_every_item_of_the_seed_is_proved_or_owed() -> None:
    assert faults(ASKED, TOLD, ROOT) == []


def test_the_specification_is_read_down_to_rows_bullets_fields_and_arrows() -> None:
    for at, text in (
        ("4.1", "Device Health: thermal"),
        ("4.2", "software.packages[].signature: sha256"),
        ("6", "[Loki] → LogQL queries + audit review"),
        ("7.1", "`device_user_map`"),
        ("8", "Traces | 30 days | Tempo"),
        ("9", "Multi-device rule: up to 15 devices per user"),
        ("9", "context.network: corp|home|public"),
        ("11.1", "p99"),
        ("12", "drift detection"),
        ("13", "S2 Partial | degraded throughput | compress + batch"),
        ("14", "Zero-trust data plane behavior"),
    ):
        assert Item(at, text) in ASKED


def test_a_missing_entry_a_stranger_a_bare_one_and_a_false_proof_are_each_told(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("def test_that_is_there(): pass\ndef helper(): pass\n")
    ledger = """
        [[item]]
        at = "1"
        text = "bare"
        [[item]]
        at = "1"
        text = "stranger"
        owed = "later"
        [[item]]
        at = "1"
        text = "true"
        proof = "test_x.py::test_that_is_there"
        [[item]]
        at = "1"
        text = "false"
        proof = ["test_x.py::test_that_is_not", "test_y.py::test_that_is_there", "test_x.py::helper"]
    """
    asked = [Item("1", text) for text in ("forgotten", "bare", "true", "false")]
    told = faults(asked, entries(ledger), tmp_path)
    assert [sentence.partition("”")[0] for sentence in told] == [
        "the seed asks for §1 “forgotten",
        "the ledger has §1 “stranger",
        "§1 “bare",
        *["§1 “false"] * 3,
    ]


def test_the_readme_shows_the_counts() -> None:
    assert counts(TOLD) in (ROOT / "README.md").read_text(encoding="utf-8")
