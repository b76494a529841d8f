-- name: hot
-- windows that are read from their hot rows
SELECT coalesce(array_agg("window"), '{}') FROM windows WHERE state IN ('open', 'closed')

-- name: current
-- files that hold rows of a kind in a span of time, newest first
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width
  FROM archive_files
 WHERE kind = $1 AND replaced_at IS NULL
   AND ($2::timestamptz IS NULL OR until >= $2) AND ($3::timestamptz IS NULL OR since < $3)
 ORDER BY until DESC, object

-- name: current_digests
-- which of these digests are those of current files
SELECT digest FROM archive_files WHERE digest = ANY ($1::bytea[]) AND replaced_at IS NULL

-- name: of_trace
-- current files of spans, each with the block of its filter in which a trace stands
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width,
       substr(traces, ($1::bigint % (octet_length(traces) / $2::integer))::integer * $2 + 1, $2) AS block
  FROM archive_files WHERE kind = 'spans' AND replaced_at IS NULL ORDER BY until DESC, object

-- name: record
INSERT INTO archive_files
  (kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width, traces)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- name: replace
UPDATE archive_files SET replaced_at = clock_timestamp() WHERE object = ANY ($1::text[]) AND replaced_at IS NULL RETURNING file

-- name: small
-- current files that are small and some time old, day by day in the order of their windows
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width
  FROM archive_files WHERE replaced_at IS NULL AND size < $1 AND created_at < $2 ORDER BY kind, day, width > $3, first, object

-- name: unclean
-- current files that may hold what a mask newer than theirs hides, newest first
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width
  FROM archive_files f
 WHERE replaced_at IS NULL AND EXISTS (SELECT FROM archive_masks k
        WHERE k.mask > f.masks AND (k.device IS NOT NULL OR f.kind <> 'metrics') AND (k.since IS NULL OR f.until >= k.since) AND f.since < k.until)
 ORDER BY until DESC, object LIMIT $1

-- name: overlapping
-- current files with rows of some windows
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until, masks, width
  FROM archive_files WHERE replaced_at IS NULL AND first <= $2 AND last >= $1 ORDER BY kind, day, first, object

-- name: looked_through
-- nothing that these masks hide is in the file
UPDATE archive_files SET masks = $2 WHERE object = $1

-- name: replaced
-- objects that no query reads any more
SELECT object FROM archive_files WHERE replaced_at < $1 AND deleted_at IS NULL ORDER BY replaced_at LIMIT $2

-- name: deleted
UPDATE archive_files SET deleted_at = clock_timestamp(), traces = NULL WHERE object = $1

-- name: unnamed
-- objects that no file is, and no segment of the journal
SELECT o.object FROM unnest($1::text[]) o (object)
 WHERE NOT EXISTS (SELECT FROM archive_files f WHERE f.object = o.object AND f.deleted_at IS NULL)
   AND NOT EXISTS (SELECT FROM journal_segments s WHERE s.object = o.object)

-- name: stray
-- seen for the first time, or again after it was deleted
INSERT INTO archive_strays AS s (object, seen_at) SELECT o, $2 FROM unnest($1::text[]) o
ON CONFLICT (object) DO UPDATE SET seen_at = $2, deleted_at = NULL WHERE s.deleted_at IS NOT NULL

-- name: old_strays
SELECT s.object FROM archive_strays s
 WHERE s.object = ANY ($1::text[]) AND s.seen_at < $2 AND s.deleted_at IS NULL

-- name: stray_deleted
UPDATE archive_strays SET deleted_at = $2 WHERE object = $1
