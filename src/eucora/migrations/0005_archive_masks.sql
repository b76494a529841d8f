-- migrate:up
-- Erasure in the archive: a mask hides rows at once; files are written again without them.
SET LOCAL lock_timeout = '4s';

CREATE TABLE archive_masks (
  mask     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device   uuid NOT NULL,
  since    timestamptz,
  until    timestamptz NOT NULL,
  at       timestamptz NOT NULL,
  "window" integer NOT NULL,
  done_at  timestamptz
);
CREATE INDEX archive_masks_device ON archive_masks (device);
COMMENT ON TABLE archive_masks IS 'Intervals of a device that nobody sees any more. Rows that were there when it was asked lie in windows up to "window"; done_at: they are in no table and no file.';

ALTER TABLE archive_files
  ADD COLUMN masks bigint NOT NULL DEFAULT 0,
  ADD COLUMN width integer NOT NULL DEFAULT 0,
  ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN archive_files.masks IS 'No row hidden by a mask up to this one is in the file.';
CREATE INDEX archive_files_replaced ON archive_files (replaced_at) WHERE replaced_at IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE archive_strays (
  object     text PRIMARY KEY,
  seen_at    timestamptz NOT NULL,
  deleted_at timestamptz
);
COMMENT ON TABLE archive_strays IS 'Objects that no row of archive_files names: left by a worker that was stopped. Deleted a day after they were seen.';

REVOKE ALL ON archive_masks, archive_strays FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON archive_masks, archive_strays TO eucora_app;

-- migrate:down
SELECT 1;
