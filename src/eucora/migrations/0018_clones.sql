-- migrate:up
-- Two machines that present one identity: held until an operator says what it was.
SET LOCAL lock_timeout = '4s';

ALTER TABLE journal_heads ADD COLUMN rewound boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN journal_heads.fork IS 'Two batches stand under one sequence, or the chain does not fit: nothing more is taken on this stream until an operator has said what it was.';
COMMENT ON COLUMN journal_heads.rewound IS 'An operator said that it was one machine set back (a restored snapshot): whoever does not fit here is told to begin a new stream.';

CREATE TABLE stream_forks (
  stream    uuid NOT NULL,
  device    uuid NOT NULL,
  sequence  bigint NOT NULL,
  boot      text NOT NULL,
  digest    bytea NOT NULL,
  seen_at   timestamptz NOT NULL,
  closed_at timestamptz,
  closed_as text CHECK (closed_as IN ('rewind', 'clone')),
  PRIMARY KEY (stream, seen_at)
);
CREATE INDEX stream_forks_device ON stream_forks (device);
CREATE INDEX stream_forks_open ON stream_forks (seen_at) WHERE closed_at IS NULL;
COMMENT ON TABLE stream_forks IS 'The batch that did not fit, which was not stored: its sequence, the boot that it was sealed in, its digest.';

-- Streams that forked before were told to begin anew, and did.
UPDATE journal_heads SET fork = false, rewound = true WHERE fork;

REVOKE ALL ON stream_forks FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON stream_forks TO eucora_app;

CREATE OR REPLACE FUNCTION forget_device(gone uuid) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  n bigint; forgotten bigint := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM erasures WHERE device = gone AND whole) THEN
    RAISE EXCEPTION 'nobody asked to erase %', gone;
  END IF;
  DELETE FROM journal_digests d USING journal_heads h WHERE h.device = gone AND d.stream = h.stream;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM journal_heads WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM stream_forks WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM stream_items WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM items_gone WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM signers WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM dead_letters WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM device_facts WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM software_inventory WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM software_state WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM sessions WHERE device_id = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM device_user_map WHERE device_id = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  UPDATE subjects SET device = NULL WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  DELETE FROM devices WHERE device_id = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  RETURN forgotten;
END $$;

-- migrate:down
SELECT 1;
