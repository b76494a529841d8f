-- migrate:up
-- The gap ledger: which items of a stream nobody accounted for, and which a device said are gone.
SET LOCAL lock_timeout = '4s';

CREATE TABLE stream_items (
  stream  uuid PRIMARY KEY,
  device  uuid NOT NULL,
  number  integer NOT NULL,
  last    bigint NOT NULL,
  missing jsonb NOT NULL DEFAULT '[]',
  items   bigint NOT NULL DEFAULT 0,
  since   timestamptz
) WITH (fillfactor = 60);
CREATE INDEX stream_items_device ON stream_items (device);
CREATE INDEX stream_items_missing ON stream_items (since) WHERE items > 0;
COMMENT ON TABLE stream_items IS 'Items 1 to last of a stream are accounted for, but for missing: [[first, last, ms since when], …]; items: how many those are, since: the oldest.';

CREATE TABLE items_gone (
  stream  uuid NOT NULL,
  first   bigint NOT NULL,
  last    bigint NOT NULL,
  reason  text NOT NULL CHECK (reason IN ('shed', 'expired', 'corrupt', 'void')),
  device  uuid NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (stream, first, last, reason)
);
CREATE INDEX items_gone_device ON items_gone (device, told_at);
COMMENT ON TABLE items_gone IS 'Items that a device could not keep, as it said itself in a signed batch that arrived at told_at.';

-- Of streams that were there before nothing is known to be missing.
INSERT INTO stream_items (stream, device, number, last)
SELECT stream, device, number, last_item FROM journal_heads WHERE last_item > 0;

REVOKE ALL ON stream_items, items_gone FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON stream_items TO eucora_app;
GRANT SELECT, INSERT ON items_gone TO eucora_app;

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
