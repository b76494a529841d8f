-- migrate:up
-- A trace is looked for by its id alone: which files may hold it stands in the catalogue.
SET LOCAL lock_timeout = '4s';

ALTER TABLE archive_files ADD COLUMN traces bytea;
-- Read by slices of 64 bytes: kept as it is, beside the row.
ALTER TABLE archive_files ALTER COLUMN traces SET STORAGE EXTERNAL;
COMMENT ON COLUMN archive_files.traces IS 'Bloom filter of the traces in a file of spans, in blocks of 64 bytes; null: any may be there.';

-- migrate:down
SELECT 1;
