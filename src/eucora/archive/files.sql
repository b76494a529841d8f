-- name: hot
-- windows that are read from their hot rows
SELECT coalesce(array_agg("window"), '{}') FROM windows WHERE state IN ('open', 'closed')

-- name: current
-- files that hold rows of a kind in a span of time, newest first
SELECT kind, object, day, first, last, generation, rows, size, digest, since, until
  FROM archive_files
 WHERE kind = $1 AND replaced_at IS NULL
   AND ($2::timestamptz IS NULL OR until >= $2) AND ($3::timestamptz IS NULL OR since < $3)
 ORDER BY until DESC, object

-- name: record
INSERT INTO archive_files (kind, object, day, first, last, generation, rows, size, digest, since, until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
