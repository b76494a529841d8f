"""What stands in a file of the spool, and every statement that touches it, by name."""

VERSION = 1

TABLES = (
    # Waiting items. `born_ms` by the spool's own clock, `uptime_ms` by the boot's.
    """CREATE TABLE items (ordinal INTEGER PRIMARY KEY, mark TEXT NOT NULL, rank INTEGER NOT NULL,
       born_ms INTEGER NOT NULL, uptime_ms INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL)""",
    # Sealed batches, never changed. `number` counts them over all streams of this spool. One that is settled stays here,
    # and has no row in the ledger: the tail, which goes file by file.
    """CREATE TABLE batches (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL,
       first INTEGER NOT NULL, last INTEGER NOT NULL, rank INTEGER NOT NULL, born_ms INTEGER NOT NULL,
       sum INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL)""",
    # All that follows stands in the file of the head alone: batches not yet settled, wherever their bytes lie; ordinals
    # that are gone before they were sealed; where the stream stands. A batch's state is '' (to send), 'again' (to be
    # sealed anew, its stream was left), or why it is lost; `named_by` is the batch that says so.
    """CREATE TABLE ledger (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL,
       first INTEGER, last INTEGER, rank INTEGER NOT NULL, born_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
       file INTEGER NOT NULL, state TEXT NOT NULL, named_by INTEGER NOT NULL)""",
    "CREATE TABLE gone (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL)",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), sum INTEGER NOT NULL, state BLOB NOT NULL)",
    # What is remembered with what was appended, by name.
    "CREATE TABLE notes (name TEXT PRIMARY KEY, sum INTEGER NOT NULL, content BLOB NOT NULL)",
    "CREATE VIEW live AS SELECT * FROM ledger WHERE state IN ('', 'again')",
    "CREATE VIEW lost AS SELECT * FROM ledger WHERE state NOT IN ('', 'again')",
)

KEEP_ITEM = "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)"
KEEP_GONE = "INSERT INTO gone VALUES (?, ?, ?)"
KEEP_BATCH = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
KEEP_LEDGER = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Not OR REPLACE: that would write the index anew, a page more a beat.
KEEP_NOTE = """INSERT INTO notes VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET sum = excluded.sum, content = excluded.content"""
KEEP_HEAD = "INSERT OR REPLACE INTO head VALUES (1, ?, ?)"

CARRIED = (
    ("SELECT * FROM ledger", KEEP_LEDGER),
    ("SELECT * FROM gone", KEEP_GONE),
    ("SELECT name, sum, content FROM notes", KEEP_NOTE),
    ("SELECT sum, state FROM head", KEEP_HEAD),
)
"""What goes over to the next file, and how."""
HAND_OVER = ("DELETE FROM ledger", "DELETE FROM gone", "DELETE FROM notes", "DELETE FROM head")

# Waiting items.
WAITING = "SELECT ordinal, mark, rank, born_ms, uptime_ms, body, sum FROM items WHERE ordinal > ? ORDER BY ordinal"
COUNT_WAITING = "SELECT count(*) FROM items WHERE ordinal > ?"
ITEMS_BORN_BEFORE = "SELECT ordinal FROM items WHERE born_ms < ?"
ITEMS_TO_SHED = "SELECT rank, ordinal, length(body) + ?, 0 FROM items ORDER BY rank, ordinal"
ORDINALS = "SELECT ordinal FROM items"
ANY_ITEM = "SELECT 1 FROM items LIMIT 1"
DROP_ITEM = "DELETE FROM items WHERE ordinal = ?"
DROP_ITEMS_TO = "DELETE FROM items WHERE ordinal <= ?"

NOTE = "SELECT sum, content FROM notes WHERE name = ?"

# Tombstones.
GONE_TO = "SELECT first, last, reason FROM gone WHERE first <= ? ORDER BY first"
DROP_GONE_TO = "DELETE FROM gone WHERE last <= ?"

# Sealed batches.
BATCH = "SELECT sum, headers, body FROM batches WHERE number = ?"
NUMBERS = "SELECT number FROM batches"
DROP_SETTLED = "DELETE FROM batches WHERE number NOT IN (SELECT number FROM ledger)"
IS_SETTLED_THERE = "SELECT 1 FROM batches WHERE number NOT IN (SELECT number FROM ledger) LIMIT 1"
PLACES = """SELECT number, stream, sequence, first, last, rank, born_ms, length(headers) + length(body) FROM batches"""
DROP_BATCH = "DELETE FROM batches WHERE number = ?"
LAST_SEALED = "SELECT born_ms FROM batches ORDER BY number DESC LIMIT 1"
LAST_BORN = "SELECT max(born_ms) FROM (SELECT born_ms FROM items UNION ALL SELECT born_ms FROM batches)"

# The ledger.
IN_STATE = "SELECT number, stream, sequence, first, last FROM ledger WHERE state = ? ORDER BY number"
NUMBERS_IN_LEDGER = "SELECT number FROM ledger"
LOST_NUMBERS = "SELECT number FROM lost"
LIVE_SPANS = "SELECT number, last - first + 1 FROM live"
LIVE_BORN_BEFORE = "SELECT number FROM live WHERE born_ms < ?"
LIVE_TO_SHED = "SELECT rank, first, bytes, number FROM live ORDER BY rank, first"
LIVE_FILES = "SELECT DISTINCT file FROM live"
WORTH = "SELECT rank, born_ms FROM ledger WHERE number = ?"
PLACES_IN_STREAM = "SELECT sequence, number, state, named_by FROM ledger WHERE stream = ?"
UNNAMED = "SELECT sequence, first, last, state FROM lost WHERE named_by = 0 AND stream = ? ORDER BY number LIMIT ?"
ADRIFT = "SELECT number, first, last, state FROM lost WHERE stream <> ? ORDER BY first"
NAME = "UPDATE ledger SET named_by = ? WHERE sequence = ? AND stream = ? AND state NOT IN ('', 'again')"
LOSE = "UPDATE ledger SET state = ?, named_by = 0, bytes = 0 WHERE number = ?"
UNNAME = "UPDATE ledger SET named_by = 0 WHERE named_by = ?"
SEAL_AGAIN = "UPDATE ledger SET state = 'again' WHERE number = ?"
LEAVE = "UPDATE ledger SET state = CASE state WHEN '' THEN 'again' ELSE state END, named_by = 0 WHERE stream = ?"
STREAMS = "SELECT DISTINCT stream FROM ledger"
FORGET = "DELETE FROM ledger WHERE number = ?"
FORGET_NOTES = "DELETE FROM notes"
FORGET_NAMED = "DELETE FROM ledger WHERE named_by = ?"
FORGET_UNKNOWN = "DELETE FROM ledger WHERE first IS NULL"
FORGET_LOST_BEYOND = (
    "DELETE FROM ledger WHERE number IN (SELECT number FROM lost ORDER BY number DESC LIMIT -1 OFFSET ?)"
)
