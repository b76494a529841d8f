-- name: hold
-- one worker at a time, whoever it is
SELECT pg_try_advisory_lock(4711030)

-- name: let_go
SELECT pg_advisory_unlock(4711030)

-- name: days
-- days before a moment that have a partition, oldest first
SELECT day FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
 CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day) AS named
 WHERE i.inhparent = 'journal_entries'::regclass AND day < $1 ORDER BY day

-- name: unsealed
-- places of which a day holds more than is sealed: where to go on, and the day's last position
SELECT s.shard, lanes.lane, coalesce(sealed.last, f.position, 0) + 1 AS next, held.last
  FROM journal_shards AS s CROSS JOIN (VALUES (0), (1)) AS lanes (lane)
 CROSS JOIN LATERAL (
   SELECT position AS last FROM journal_entries AS e
    WHERE e.shard = s.shard AND e.lane = lanes.lane AND e.received >= $1 AND e.received < $2
    ORDER BY position DESC LIMIT 1) AS held
  LEFT JOIN LATERAL (
   SELECT g.last FROM journal_segments AS g WHERE g.shard = s.shard AND g.lane = lanes.lane
    ORDER BY g.last DESC LIMIT 1) AS sealed ON true
  LEFT JOIN journal_floors AS f ON f.shard = s.shard AND f.lane = lanes.lane
 WHERE held.last > coalesce(sealed.last, f.position, 0) ORDER BY s.shard, lanes.lane

-- name: stretch
-- entries of a day from a position on, until their bytes reach $7; lengths are known without reading the bodies
SELECT shard, lane, position, epoch, received, device, stream, stream_number, sequence, first_item, last_item, subject,
       keyid, signed, signature, digest, sent, verdict, key_no, body
  FROM (
    SELECT e.*, sum(octet_length(signed) + coalesce(octet_length(body), 0)) OVER (
             ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
      FROM journal_entries AS e
     WHERE shard = $1 AND lane = $2 AND position >= $3 AND position <= $4 AND received >= $5 AND received < $6
  ) AS found
 WHERE coalesce(bytes_before, 0) < $7 ORDER BY position

-- name: record
INSERT INTO journal_segments (shard, lane, first, last, epoch, since, until, object, size, digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: newest
-- the segment of what was received last
SELECT object, digest FROM journal_segments WHERE expired_at IS NULL ORDER BY until DESC LIMIT 1

-- name: drop
SELECT drop_sealed_day($1)

-- name: holding
-- segments that hold these positions, oldest first, those of live places before the others
SELECT w.shard, w.lane, g.first, g.object, g.digest
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS w (shard, lane, position)
 CROSS JOIN LATERAL (
   SELECT * FROM journal_segments AS s WHERE s.shard = w.shard AND s.lane = w.lane AND s.last >= w.position AND s.expired_at IS NULL
    ORDER BY s.last LIMIT 1) AS g
 WHERE g.first <= w.position ORDER BY w.lane, g.since, w.shard
