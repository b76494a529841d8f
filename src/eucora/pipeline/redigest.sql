-- name: ask
-- every window that was open in a span of time; none: no row
INSERT INTO redigests (since, until, first, last, next, asked_at)
SELECT $1, $2, min("window"), max("window"), min("window"), $3 FROM windows
 WHERE opened_at < $2 AND (closed_at IS NULL OR closed_at > $1) HAVING count(*) > 0
RETURNING redigest, since, until, first, last, next, asked_at, done_at, entries, carried, items, dead, mended

-- name: listed
SELECT redigest, since, until, first, last, next, asked_at, done_at, entries, carried, items, dead, mended
  FROM redigests WHERE ($1::bigint IS NULL OR redigest < $1) ORDER BY redigest DESC LIMIT $2

-- name: one
SELECT redigest, since, until, first, last, next, asked_at, done_at, entries, carried, items, dead, mended
  FROM redigests WHERE redigest = $1

-- name: due
-- the oldest that is not done
SELECT redigest, next, last FROM redigests WHERE done_at IS NULL ORDER BY redigest LIMIT 1

-- name: windows
-- those that come next
SELECT "window", state, ranges FROM windows WHERE "window" BETWEEN $1 AND $2 ORDER BY "window" LIMIT $3

-- name: floors
-- what retention took of the journal
SELECT shard, lane, position FROM journal_floors

-- name: letters_of
-- every letter of a stretch of entries
SELECT id, position, received, state FROM dead_letters
 WHERE shard = $1 AND lane = $2 AND position BETWEEN $3 AND $4 AND received BETWEEN $5 AND $6

-- name: mend
-- letters of items that are stored now; fewer than given: one was stored by itself meanwhile
UPDATE dead_letters d SET state = 'mended', settled_at = clock_timestamp()
  FROM unnest($1::uuid[], $2::timestamptz[]) AS m (id, received)
 WHERE d.id = m.id AND d.received = m.received AND d.state IN ('open', 'failed')
RETURNING d.id

-- name: advance
-- a stretch of windows is done; the last one ends it
UPDATE redigests SET next = $2 + 1, entries = entries + $3, carried = carried + $4, items = items + $5, dead = dead + $6,
       mended = mended + $7, done_at = CASE WHEN $2 >= last THEN clock_timestamp() END
 WHERE redigest = $1 AND done_at IS NULL AND next <= $2
RETURNING redigest, since, until, first, last, next, asked_at, done_at, entries, carried, items, dead, mended
