-- name: fleet
-- items that nobody accounted for (a device may name numbers as large as it likes, so no sum goes beyond what a number
-- of JSON holds); devices that ever told anything; streams that are held
SELECT (SELECT count(*) FROM devices WHERE state = 'enrolled') AS devices,
       (SELECT least(coalesce(sum(items), 0), 9007199254740991)::bigint FROM items_unexplained) AS unexplained,
       (SELECT count(DISTINCT device) FROM items_unexplained) AS devices_missing,
       (SELECT min(since) FROM items_unexplained) AS oldest,
       (SELECT count(*) FROM journal_heads WHERE fork) AS held

-- name: streams
-- each stream of a device, with how many of its items are gone by its own word, and how many lie among the dead letters
SELECT s.stream, s.number, s.last, s.begins, s.missing, coalesce(h.gaps::text, '[]') AS gaps, coalesce(h.fork, false) AS fork,
       (SELECT least(coalesce(sum(g.last - g.first + 1), 0), 9007199254740991)::bigint FROM items_gone g WHERE g.stream = s.stream) AS gone,
       (SELECT least(coalesce(sum(d.count), 0), 9007199254740991)::bigint FROM dead_letters d
         WHERE d.device = s.device AND d.stream = s.stream AND d.state IN ('open', 'failed')) AS rejected
  FROM stream_items s LEFT JOIN journal_heads h USING (stream) WHERE s.device = $1 ORDER BY s.number

-- name: gone
SELECT stream, first, last, reason, told_at FROM items_gone
 WHERE device = $1 AND ($2::timestamptz IS NULL OR told_at >= $2) ORDER BY told_at DESC, first LIMIT 10000

-- name: rejected
SELECT stream, ordinal, count, reason, path, received FROM dead_letters
 WHERE device = $1 AND state IN ('open', 'failed') AND ($2::timestamptz IS NULL OR received >= $2)
 ORDER BY received DESC, ordinal LIMIT 10000
