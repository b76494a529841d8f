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
  -- What holds something of a device, and by which column; the device itself comes last.
  holds CONSTANT text[] := ARRAY[
    ['journal_heads', 'device'], ['stream_forks', 'device'], ['stream_items', 'device'], ['items_gone', 'device'],
    ['signers', 'device'], ['dead_letters', 'device'], ['device_facts', 'device'], ['software_inventory', 'device'],
    ['software_state', 'device'], ['sessions', 'device_id'], ['device_user_map', 'device_id'], ['devices', 'device_id']];
  pair text[]; n bigint; forgotten bigint := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM erasures WHERE device = gone AND whole) THEN
    RAISE EXCEPTION 'nobody asked to erase %', gone;
  END IF;
  DELETE FROM journal_digests d USING journal_heads h WHERE h.device = gone AND d.stream = h.stream;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  UPDATE subjects SET device = NULL WHERE device = gone;
  GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  FOREACH pair SLICE 1 IN ARRAY holds LOOP
    EXECUTE format('DELETE FROM %I WHERE %I = $1', pair[1], pair[2]) USING gone;
    GET DIAGNOSTICS n = ROW_COUNT; forgotten := forgotten + n;
  END LOOP;
  RETURN forgotten;
END $$;

-- migrate:down
SELECT 1;
