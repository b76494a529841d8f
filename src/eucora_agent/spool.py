"""The durable, bounded, crash-safe queue: the file to read twice.

Rule 1: an item is on disk before it is sealed, a sealed batch before its first byte is sent; it is sent again byte for
byte. Rule 2: every ordinal is carried by one batch that counts, or stands as a tombstone, or in a batch that a later
one names as lost, with its reason. Rule 3: what is in memory never runs ahead of the disk: each change is one
transaction of the newest file, which alone knows the head; rows of older files go afterwards, and again on opening.
Rule 4: an item that was sealed is gone from every file before the batch can be sent, so that no damage sends it twice;
where a full disk does not take that either it is passed over, and goes as soon as may be. Rule 5: what is settled stays
for a while, should the platform be set back, and goes before anything else does.

When it waits for the disk, what goes first, and the figures: docs/decisions/spool.md.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from eucora_agent import spool_bounds as bounds
from eucora_agent import spool_sql as sql
from eucora_agent import spool_steps as steps
from eucora_agent import spool_tail as tail
from eucora_agent.problems import SpoolFailing, SpoolFull
from eucora_agent.spool_file import Step, checksum
from eucora_agent.spool_folder import Folder, head_row
from eucora_agent.spool_head import SENDABLE, Gone, Head, Make, Part, Pending, Sealed, Sealer, Waiting, alone
from eucora_wire.clock import Boot
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import FIRST, LOST, Items, Lost, Reason, tombstones

MOST_BATCH_BYTES = 2**20
"""Bodies of one batch before compression; one item may be larger."""
MOST_NAMED = 64
"""Lost batches that one batch names: so many gaps a stream may have."""
MOST_LOST = 4096
"""Lost batches that are remembered until they are named; beyond it the oldest are forgotten, and stay gaps."""
MOST_UNWRITTEN = 64
"""Settlements that wait for the next transaction."""
NONE: Mapping[str, bytes] = {}
MOST_SHARE = 8
"""One item takes at most this part of the room."""


class Spool:
    """Items in, sealed batches out. One thread of one process at a time."""

    def __init__(self, folder: Path, most_bytes: int, max_age_ms: int, at: Boot, keeps: tail.Tail = tail.TAIL) -> None:
        file_bytes = max(2**16, min(2**22, most_bytes // 32))
        # A log, a file just begun, and a batch whose items have not gone yet take room for a while.
        self._room, self._slack, self._max_age_ms = most_bytes - 4 * file_bytes, file_bytes, max_age_ms
        self._most_batch = min(MOST_BATCH_BYTES, file_bytes)
        self._most_lost = min(MOST_LOST, most_bytes // 1024)
        self._at, self._settled, self._tail = at, set[int](), keeps
        self.sent_before = set[int]()  # settled once, and wanted again: they wait behind what was never sent
        self._overdue, self._leaving = list[Step](), set[int]()
        self.folder = Folder(folder, file_bytes)
        head = self.folder.head()
        self.head = self._begin() if head is None else head
        self._recover()
        if head is not None and self.folder.is_older:
            # Its numbers may be given already. What is sealed is sent as it is; what was behind is lost.
            self._commit((sql.FORGET_UNKNOWN, [()]), stream=uuid.uuid4(), sequence=0, previous=LOST)

    @property
    def damaged(self) -> int:
        """Files that opening found damaged."""
        return self.folder.damaged

    @property
    def now_ms(self) -> int:
        """The spool's own clock."""
        return self.head.at(self._at).lived_ms

    # --- in

    def append(
        self,
        body: bytes,
        mark: str,
        rank: int,
        at: Boot,
        notes: Mapping[str, bytes] = NONE,
        sealer: Sealer | None = None,
    ) -> int:
        """Keep one payload, and what is to be remembered with it; its ordinal. On a full disk less important ones go.

        With `sealer`, and nothing else waiting, it is sealed in the same transaction: one wait for the disk, not two.
        Raises SpoolFull when not even a tombstone fits, and then keeps nothing of it.
        """
        self._at = at
        self._clean()
        self._expire()
        item = Waiting(self.head.next_ordinal, mark, rank, self.now_ms, at.uptime_ms, body)
        fits = len(body) <= self._room // MOST_SHARE  # else it would push out everything else
        # Twice: once in the log, once in the file.
        need = steps.ROW_BYTES + 2 * (len(body) + sum(map(len, notes.values())))
        if not (fits and self._make_room(need, rank) and self._keep_or_shed(item, notes, sealer)):
            self._refuse(item, notes)
        self.folder.lay_reserve()
        return item.ordinal

    def _keep_or_shed(self, item: Waiting, notes: Mapping[str, bytes], sealer: Sealer | None) -> bool:
        """Whether the disk took it, if need be instead of something less important."""
        try:
            self._keep(item, notes, sealer)
        except SpoolFailing:
            raise  # letting go would not help
        except SpoolFull:
            self._open_reserve()
            if self._forget_tail():
                return self._keep_or_shed(item, notes, sealer)
            if not (self.folder.drop_damaged() or self._shed(self._slack + self.folder.reserve_bytes, item.rank)):
                return False
            self._keep(item, notes, sealer)
        return True

    def _open_reserve(self) -> bool:
        """Whether there may be more room now."""
        was_there = self.folder.use_reserve()
        self.folder.give_back()
        self._clean()
        return was_there

    def _keep(self, item: Waiting, notes: Mapping[str, bytes], sealer: Sealer | None) -> None:
        self.folder.roll()
        n, noted = item.ordinal, steps.noted(notes)
        if sealer is None or self.head.sealed_to + 1 != n:
            total = checksum(item.mark.encode(), item.body)
            row = (n, item.mark, item.rank, item.born_ms, item.uptime_ms, total, item.body)
            self._commit((sql.KEEP_ITEM, [row]), noted, next_ordinal=n + 1)
        else:
            pending = alone(item)
            parts, worth = [Part(pending.items, sealer(pending))], (item.rank, item.born_ms)
            self._seal(parts, worth, also=[noted], next_ordinal=n + 1, sealed_to=n)

    def _refuse(self, item: Waiting, notes: Mapping[str, bytes]) -> None:
        """It is shed itself."""
        n, shed = item.ordinal, self.head.shed + 1
        self.folder.roll()
        self._commit((sql.KEEP_GONE, [(n, n, "shed")]), steps.noted(notes), next_ordinal=n + 1, shed=shed)

    def note(self, name: str) -> bytes:
        """What was last remembered under this name; empty when nothing was, or it is damaged."""
        found = self.folder.facts(sql.NOTE, name)
        return bytes(found[0][1]) if found and checksum(found[0][1]) == found[0][0] else b""

    # --- out

    def pending(self, most: int) -> Pending | None:
        """The longest run of waiting items of one mark, with tombstones for those that are gone; None for nothing."""
        self._clean()
        run, others_follow = self._next_run(most)
        first = self.head.sealed_to + 1
        last = run[-1].ordinal if others_follow else self.head.next_ordinal - 1
        if last < first:
            return None
        told = bounds.absent(first, last, [x.ordinal for x in run], self._gone(last))
        last, gone = bounds.cut(first, last, told)
        run = [x for x in run if x.ordinal <= last]
        return Pending(
            Items(first, last, gone),
            run[0].mark if run else "",
            tuple(x.body for x in run),
            max((x.rank for x in run), default=0),
            min((x.born_ms for x in run), default=self.now_ms),
            max((x.born_ms for x in run), default=self.now_ms),
            max((x.uptime_ms for x in run), default=0),
        )

    def seal(self, pending: Pending, make: Make) -> int:
        """Write the batch down and let go of its items; its number. Raises SpoolFull."""
        assert pending.items.first == self.head.sealed_to + 1, "something was sealed since"
        parts, worth = [Part(pending.items, make)], (pending.rank, pending.last_born_ms)
        try:
            number = self._seal(parts, worth, sealed_to=pending.items.last)
        except SpoolFailing:
            raise
        except SpoolFull:
            if not (self._open_reserve() or self._forget_tail()):
                self._shed(self._slack + self.folder.reserve_bytes, pending.rank)  # there is room the next time
                raise
            number = self._seal(parts, worth, sealed_to=pending.items.last)
        self.folder.lay_reserve()
        return number

    def seal_again(self, numbers: Sequence[int], parts: Sequence[Part]) -> None:
        """Instead of batches that do not count, seal their items, which keep their ordinals, as these."""
        rank, born_ms = self.folder.facts(sql.WORTH, numbers[0])[0]
        self._seal(parts, (rank, born_ms), instead=numbers)

    def sealed(self, state: str = SENDABLE) -> list[Sealed]:
        """Batches in the order of sealing: to deliver, or (AGAIN) to be sealed anew since their stream was left."""
        rows = self.folder.facts(sql.IN_STATE, state)
        return [Sealed(n, uuid.UUID(stream), *rest) for n, stream, *rest in rows if n not in self._settled]

    def batch(self, number: int) -> Envelope | None:
        """The exact bytes of a sealed batch; None when they are damaged, and then it is lost from now on."""
        for total, headers, body in self.folder.rows(sql.BATCH, number):
            if checksum(headers, body) == total:
                return Envelope(msgspec.json.decode(headers, type=dict[str, str]), body)
        self._let_go([], [number], "corrupt")
        return None

    def settle(self, number: int) -> None:
        """The platform has it, or refused it for ever: only now is it not sent any more, unless it is asked for again.

        Written down with the next transaction: were that lost, the batch would be sent once more, and be known.
        """
        self._settled.add(number)
        self.sent_before.discard(number)
        if len(self._settled) >= MOST_UNWRITTEN:
            with suppress(SpoolFull):
                self._commit()

    def depth(self) -> int:
        """Items appended and not settled."""
        waiting = sum(row[0] for row in self.folder.rows(sql.COUNT_WAITING, self.head.sealed_to)) - len(self._leaving)
        sealed = self.folder.facts(sql.LIVE_SPANS)
        return int(waiting + sum(count for number, count in sealed if number not in self._settled))

    def close(self) -> None:
        if self._settled:
            self._commit()
        self.folder.close()

    # --- what can't be sent as it is

    def lost(self) -> tuple[Lost, ...]:
        """Batches of this stream that the device can't send any more, not yet named; as many as one batch names."""
        return tuple(Lost(*row) for row in self.folder.facts(sql.UNNAMED, str(self.head.stream), MOST_NAMED))

    def adrift(self) -> list[tuple[list[int], Items]]:
        """Lost batches of other streams, which nothing can name there: their items, as tombstones of the present one."""
        return bounds.as_tombstones(self.folder.facts(sql.ADRIFT, str(self.head.stream)))

    def helping(self, missing: Sequence[int]) -> list[int]:
        """Batches that fill or close these gaps of this stream, in order. Of what nobody here knows, it is lost."""
        stream = str(self.head.stream)
        self.send_again(self.head.stream, [(n, n) for n in missing])
        known = {row[0]: row for row in self.folder.facts(sql.PLACES_IN_STREAM, stream)}
        found = [known[n] for n in missing if n in known]
        return sorted({named_by or number for _, number, state, named_by in found if named_by or state == SENDABLE})

    def send_again(self, stream: uuid.UUID, lacks: Sequence[tuple[int, int]]) -> bool:
        """The platform lacks these sequences: what the tail holds is to be sent once more; what nobody knows is lost.

        Whether that is all: of the lost ones, so many are told at once as a batch can name.
        """
        if self._settled:
            self._commit()
        found, unknown = tail.lacking(self.folder, stream, lacks)
        self._take_back(found)
        if stream == self.head.stream:
            self._disown([n for n in unknown if n <= self.head.sequence][:MOST_NAMED])
        return len(unknown) <= MOST_NAMED

    def heard(self, epoch: int) -> bool:
        """An answer of this epoch of the journal came. In another one it was set back, and may lack any older stream."""
        if epoch == self.head.epoch:
            return False
        if self.head.epoch:
            self._take_back([row for row in tail.rows(self.folder) if row[1] != str(self.head.stream)])
        self._commit(epoch=epoch)
        return True

    def _take_back(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._commit((sql.KEEP_LEDGER, rows))
            self.sent_before |= {row[0] for row in rows}

    def leave(self, stream: uuid.UUID) -> None:
        """After a fork: what is not settled of this stream is to be sealed again, in a new one if it is the present."""
        anew = {"stream": uuid.uuid4(), "sequence": 0} if stream == self.head.stream else {}
        self._commit((sql.LEAVE, [(str(stream),)]), (sql.FORGET_UNKNOWN, [()]), **anew)

    def own(self, owner: str) -> bool:
        """The identity under which items come from now on; whether it is another one, which begins a stream of its own.

        What the one before collected is to be sealed again, and what was remembered for it is forgotten.
        """
        if self.head.owner == owner:
            return False
        if not self.head.owner:
            self._commit(owner=owner)
            return False
        anew = {"stream": uuid.uuid4(), "sequence": 0, "previous": FIRST}
        streams = self.folder.facts(sql.STREAMS)
        self._forget_tail()  # it speaks for somebody else
        self._commit((sql.LEAVE, streams), (sql.FORGET_UNKNOWN, [()]), (sql.FORGET_NOTES, [()]), owner=owner, **anew)
        return True

    def seal_later(self, number: int) -> None:
        """This batch of an older stream finds no place there: it is to be sealed again in the present one."""
        self._commit((sql.SEAL_AGAIN, [(number,)]))

    def _disown(self, sequences: Sequence[int]) -> None:
        first, stream = self.head.number + 1, str(self.head.stream)
        rows = [(first + n, stream, s, None, None, 0, 0, 0, 0, "expired", 0) for n, s in enumerate(sequences)]
        if rows:
            self._commit((sql.KEEP_LEDGER, rows), number=self.head.number + len(rows))

    # --- bounds

    def _expire(self) -> None:
        """What has certainly lain longer than the spool keeps."""
        limit = self.now_ms - self._max_age_ms
        ordinals = [row[0] for row in self.folder.rows(sql.ITEMS_BORN_BEFORE, limit) if self._is_there(row[0])]
        numbers = [row[0] for row in self.folder.facts(sql.LIVE_BORN_BEFORE, limit)]
        if ordinals or numbers:
            self._let_go(ordinals, numbers, "expired")

    def _make_room(self, need: int, rank: int) -> bool:
        """Whether so many bytes fit, when the tail went, then free pages, what was set aside, what is no more important."""
        while self.folder.bytes() + need > self._room:
            if not self._drop_oldest():
                break
        else:
            return True
        if self._settled:
            self._commit()
        self.folder.give_back()
        while (over := self.folder.bytes() + need - self._room) > 0:
            if not (self.folder.drop_damaged() or self._shed(over + self._slack, rank)):
                return False
        return True

    def _shed(self, over: int, rank: int) -> bool:
        """Whether there was anything of no higher rank."""
        sources = [db.execute(sql.ITEMS_TO_SHED, (steps.ROW_BYTES,)) for db in self.folder.files.values()]
        sources.append(self.folder.files[self.folder.newest].execute(sql.LIVE_TO_SHED))
        there = [(c for c in source if c[3] or self._is_there(c[1])) for source in sources]
        ordinals, numbers = bounds.victims(there, over, rank)
        for source in sources:
            source.close()
        if ordinals or numbers:
            self._let_go(ordinals, numbers, "shed")
        return bool(ordinals or numbers)

    def _let_go(self, ordinals: list[int], numbers: list[int], reason: Reason) -> None:
        """Waiting items leave tombstones; sealed batches become lost, and what they named is to be named again."""
        spans = dict(self.folder.facts(sql.LIVE_SPANS))
        count = len(ordinals) + sum(spans[n] for n in numbers if n in spans)
        self._commit(
            (sql.KEEP_GONE, [(t.first, t.last, t.reason) for t in tombstones((n, reason) for n in ordinals)]),
            (sql.LOSE, [(reason, n) for n in numbers]),
            (sql.UNNAME, [(n,) for n in numbers]),
            (sql.FORGET_LOST_BEYOND, [(self._most_lost,)]),
            *steps.without(ordinals, numbers),
            shed=self.head.shed + (0 if reason == "corrupt" else count),
        )
        self._clean_later(steps.without(ordinals, numbers), ordinals)
        self.folder.give_back()

    # --- writing

    def _commit(self, *written: Step, **changes: Any) -> None:
        """One transaction, with the head and the settlements that wait. In memory only when it is on the disk."""
        head = msgspec.structs.replace(self.head.at(self._at), **changes)
        settled = sorted(self._settled)
        self.folder.write([*written, *steps.settled(settled), (sql.KEEP_HEAD, [head_row(head)])])
        self.head = head
        self._settled.clear()
        if settled:
            self._unlink_done()

    def _seal(
        self,
        parts: Sequence[Part],
        worth: tuple[int, int],
        instead: Sequence[int] = (),
        also: Sequence[Step] = (),
        **changes: Any,
    ) -> int:
        """`worth`: rank and birth. `instead`: the batches whose items these are, none for items that waited."""
        self.folder.roll()
        head, lost, written = self.head, self.lost(), list[Step]()
        for part in parts:
            envelope, digest = part.make(head, lost)
            head = msgspec.structs.replace(head, sequence=head.sequence + 1, number=head.number + 1, previous=digest)
            written += steps.sealed(part.items, worth, head, envelope, self.folder.newest)
            written.append((sql.NAME, [(head.number, x.sequence, str(head.stream)) for x in lost]))
            lost = ()
        gone = steps.sealed_away(changes.get("sealed_to", head.sealed_to), instead)
        # What goes, goes first: its pages take what comes.
        forgotten = steps.forgotten(instead)
        place = {"sequence": head.sequence, "number": head.number, "previous": head.previous}
        self._commit(*forgotten, *gone, *written, *also, **place, **changes)
        self._clean_later(gone)
        return head.number

    def _clean_later(self, gone: Sequence[Step], ordinals: Sequence[int] = ()) -> None:
        """It is committed that these go, waiting items among them: from the older files now, or as soon as may be."""
        self._overdue += gone
        self._leaving |= set(ordinals)
        self._clean()

    def _clean(self) -> None:
        """What is gone goes from the older files too, if the disk takes it."""
        if not self._overdue:
            return
        with suppress(SpoolFull):
            for n in self.folder.older():
                self.folder.write_older(n, self._overdue)
            self._overdue.clear()
            self._leaving.clear()
            self._unlink_done()

    def _is_there(self, ordinal: int) -> bool:
        """Whether an item that lies in a file waits, and does not just lie there still."""
        return ordinal > self.head.sealed_to and ordinal not in self._leaving

    # --- opening

    def _begin(self) -> Head:
        """A new stream. What older files still hold comes along: items to be sealed in it, batches as they are."""
        items = [row[0] for row in self.folder.rows(sql.ORDINALS)]
        batches = tail.places(self.folder)
        next_ordinal = 1 + max([0, *items, *(last for _, _, _, _, last, *_ in batches)])
        head = Head(
            uuid.uuid4(),
            next_ordinal,
            min(items, default=next_ordinal) - 1,
            number=max((number for number, *_ in batches), default=0),
            previous=LOST if self.folder.was_used else FIRST,
            lived_ms=max((born or 0 for (born,) in self.folder.rows(sql.LAST_BORN)), default=0),
        )
        self.folder.begin([(sql.KEEP_LEDGER, batches), (sql.KEEP_HEAD, [head_row(head)])])
        return head

    def _recover(self) -> None:
        """After a crash or damage: rows of which the head knows that they are gone go, and what is missing is lost."""
        there = {row[0] for row in self.folder.rows(sql.NUMBERS)}
        lost = {row[0] for row in self.folder.facts(sql.LOST_NUMBERS)}
        live = {row[0] for row in self.folder.facts(sql.LIVE_SPANS)}
        gone = [n for first, last, _ in self._gone(self.head.next_ordinal) for n in range(first, last + 1)]
        left = [*steps.sealed_away(self.head.sealed_to), *steps.without(gone, sorted(there & lost))]
        self.folder.write(left)
        self._clean_later(left, gone)
        if missing := sorted(live - there):
            self._let_go([], missing, "corrupt")
        self._unlink_done()

    # --- the tail

    def _unlink_done(self) -> None:
        """Files of which nothing is needed any more, once the tail has grown old or large."""
        for n in tail.beyond(self.folder, self._tail, self.now_ms):
            self.folder.remove(n)

    def _drop_oldest(self) -> bool:
        """Whether there was a file of the tail to let go of."""
        done = tail.files(self.folder)
        if done:
            self.folder.remove(done[0])
        return bool(done)

    def _forget_tail(self) -> bool:
        """Whether there was any: all of it goes, also from the file that is written to."""
        if self._settled:
            self._commit()
        there = bool(self.folder.facts(sql.IS_SETTLED_THERE))
        while self._drop_oldest():
            there = True
        if there:
            self._commit((sql.DROP_SETTLED, [()]))
        return there

    # --- reading

    def _next_run(self, most: int) -> tuple[list[Waiting], bool]:
        """Waiting items of one mark, no more than fit into a batch, and whether others follow."""
        run: list[Waiting] = []
        damaged: list[int] = []
        size, others_follow = 0, False
        for item, is_whole in self._waiting():
            if not is_whole:
                damaged.append(item.ordinal)
                continue
            size += len(item.body)
            if run and (len(run) >= most or item.mark != run[0].mark or size > self._most_batch):
                others_follow = True
                break
            run.append(item)
        if damaged:
            self._let_go(damaged, [], "corrupt")
        return run, others_follow

    def _waiting(self) -> Iterator[tuple[Waiting, bool]]:
        """Items not yet sealed, ascending, and whether each is as it was written."""
        for *row, total in self.folder.rows(sql.WAITING, self.head.sealed_to):
            item = Waiting(*row)
            if not self._is_there(item.ordinal):
                continue
            yield item, checksum(item.mark.encode(), item.body) == total

    def _gone(self, to: int) -> list[Gone]:
        return [(first, last, reason) for first, last, reason in self.folder.facts(sql.GONE_TO, to)]
