-- name: begin
INSERT INTO own_figures (process, figures) VALUES ($1, $2)

-- name: update
UPDATE own_figures SET figures = $2, at = clock_timestamp() WHERE process = $1 RETURNING process

-- name: folded
-- whether it was added to those that ended
SELECT $1 = ANY(ended) FROM own_figures WHERE process = '00000000-0000-0000-0000-000000000000'

-- name: read
SELECT process, at, figures FROM own_figures

-- name: ensure_past
INSERT INTO own_figures (process, figures) VALUES ($1, '[]') ON CONFLICT DO NOTHING

-- name: lock_past
SELECT figures FROM own_figures WHERE process = $1 FOR UPDATE

-- name: take
-- the newest hundred that ended are remembered, so that one that was only paused does not count twice
WITH gone AS (DELETE FROM own_figures WHERE process <> $1 AND at < $2 RETURNING process, figures),
noted AS (UPDATE own_figures SET ended = (ended || array(SELECT process FROM gone))[greatest(1, cardinality(ended) - 99):] WHERE process = $1)
SELECT figures FROM gone

-- name: keep
UPDATE own_figures SET figures = $2, at = clock_timestamp() WHERE process = $1
