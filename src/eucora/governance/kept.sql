-- name: oldest
-- the oldest row of each class in PostgreSQL, by the clock that it is kept by
SELECT (SELECT min(received) FROM dead_letters) AS dead_letters,
       (SELECT at FROM audit_events ORDER BY position LIMIT 1) AS audit,
       (SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'journal_digests'::regclass) AS journal,
       (SELECT min(since) FROM journal_segments WHERE expired_at IS NULL) AS segments,
       (SELECT min(received_at) FROM sessions) AS inventory,
       (SELECT min(closed_at) FROM incidents WHERE closed_at IS NOT NULL) AS incidents

-- name: oldest_file
-- of each kind of file: when the oldest arrived at the latest, and the oldest row happened
SELECT f.kind, min(w.closed_at) AS received, min(f.until) AS event
  FROM archive_files f JOIN windows w ON w."window" = f.last WHERE f.replaced_at IS NULL GROUP BY f.kind
