"""Receipts become answers: what was accepted, what was rejected and why, what to know next."""

from collections.abc import Callable
from uuid import UUID

from eucora.batch import Appended, Checked, Verdict
from eucora.gateway.doors.https import Response, good, problem
from eucora.ids import dead_letter_id
from eucora.pipeline.intake import Taken
from eucora_wire import dictionary
from eucora_wire.answer import Answer, Next, Outcome, Receipt
from eucora_wire.envelope import Seal
from eucora_wire.problems import BASE, Document, ItemProblem, document

OUTCOMES: dict[str, Outcome] = {"appended": "appended", "duplicate": "duplicate", "known": "known"}
GAPS_RETRY_S = 5.0


def compose(taken: Taken, next_for: Callable[[UUID, int], Next]) -> Response:
    """200 when at least one item was accepted or the batch held none; else the problem that stopped it."""
    refused = fault_of(taken)
    if refused is not None:
        return problem(refused)
    seal, appended = taken.checked.seal, taken.appended
    rejected = taken.checked.verdict.items if taken.checked.verdict else ()
    accepted = seal.items.carried_count() - len(rejected)
    outcome, then = OUTCOMES[appended.outcome], next_for(seal.device, _to_tell(taken.checked))
    return good(Answer(outcome, accepted, seal.sequence, rejected, appended.receipt, then, appended.lacks))


def _to_tell(checked: Checked) -> int:
    """The dictionary to tell this device of: not while it packs with one already, and nothing while it packs otherwise."""
    if checked.body is None or checked.seal.encoding != "zstd" or dictionary.number_of(checked.body):
        return dictionary.PLAIN
    return dictionary.newest()


def fault_of(taken: Taken) -> Document | None:
    """The problem of the whole batch, None when something of it was accepted."""
    checked, appended = taken.checked, taken.appended
    if appended.outcome not in OUTCOMES:
        return _not_committed(appended)
    if appended.erased:
        return document("erased-subject", receipt=_plain(appended.receipt))
    if checked.verdict is None:
        return None
    return _from_verdict(checked.verdict, checked, appended.receipt)


def _not_committed(appended: Appended) -> Document:
    if appended.outcome == "fork":
        return document("fork", new_stream=appended.new_stream)
    if appended.outcome == "too-many-gaps":
        return document("too-many-gaps", missing=appended.missing, retry_after_s=GAPS_RETRY_S)
    return document(appended.outcome)


def _from_verdict(verdict: Verdict, checked: Checked, receipt: Receipt | None) -> Document | None:
    seal = checked.seal
    if verdict.slug:
        whole = ItemProblem(seal.items.first, BASE + verdict.slug, dead_letter=_letter(seal))
        return document(verdict.slug, receipt=_plain(receipt), items=(whole,))
    if len(verdict.items) < seal.items.carried_count():
        return None
    slug = verdict.items[0].type.removeprefix(BASE)
    detail = f"{len(verdict.items)} of {seal.items.carried_count()} items"
    return document(slug, detail, receipt=_plain(receipt), items=verdict.items)


def _letter(seal: Seal) -> str:
    """The dead letter of a whole batch stands under its first ordinal."""
    return str(dead_letter_id(seal.stream, seal.items.first))


def _plain(receipt: Receipt | None) -> dict[str, int | str] | None:
    if receipt is None:
        return None
    return {
        "epoch": receipt.epoch,
        "shard": receipt.shard,
        "lane": receipt.lane,
        "position": receipt.position,
        "received": receipt.received.isoformat(),
    }
