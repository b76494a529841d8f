-- migrate:up
-- Erasure on request, wherever a device or a person left something: domains, journal, segments, archive, followers.
SET LOCAL lock_timeout = '4s';

ALTER TABLE archive_masks ALTER COLUMN device DROP NOT NULL, ADD COLUMN subject uuid,
  ADD CHECK ((device IS NULL) <> (subject IS NULL));
CREATE INDEX archive_masks_subject ON archive_masks (subject) WHERE subject IS NOT NULL;
COMMENT ON COLUMN archive_masks.subject IS 'Of a person: what they wrote is hidden (text, fields, attributes, whose it was); the rows are of their devices, and stay.';

ALTER TABLE follower_erasures ALTER COLUMN device DROP NOT NULL, ADD COLUMN subject uuid;

CREATE TABLE erasures (
  mask       bigint PRIMARY KEY REFERENCES archive_masks,
  device     uuid NOT NULL,
  whole      boolean NOT NULL,
  since      timestamptz,
  until      timestamptz NOT NULL,
  asked_at   timestamptz NOT NULL,
  shard      smallint NOT NULL,
  live       bigint NOT NULL,
  replay     bigint NOT NULL,
  journal_at timestamptz
);
CREATE UNIQUE INDEX erasures_whole ON erasures (device) WHERE whole;
COMMENT ON TABLE erasures IS 'Devices, or intervals of them, that are erased from the journal too. live, replay: the last positions of its shard when it was asked; journal_at: since when no entry and no segment holds any of it.';

ALTER TABLE journal_segments ADD COLUMN erased bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN journal_segments.erased IS 'Nothing that an erasure up to this number erases is in it.';

CREATE TABLE journal_replaced (
  object text PRIMARY KEY
);
COMMENT ON TABLE journal_replaced IS 'Segments that were written again without what was erased: their objects are being deleted.';

CREATE FUNCTION forget_device(gone uuid) RETURNS bigint
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
COMMENT ON FUNCTION forget_device IS 'Forgets what every domain knows of a device that is to be erased, its keys and its heads: it is unknown from then on. How many rows; again changes nothing.';

CREATE FUNCTION forget_interval(gone uuid, since timestamptz, until timestamptz) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH sessions AS (
    DELETE FROM sessions s WHERE s.device_id = gone AND s.start >= forget_interval.since AND s.start < forget_interval.until
       AND EXISTS (SELECT FROM erasures e WHERE e.device = gone AND e.since IS NOT DISTINCT FROM forget_interval.since
                                            AND e.until = forget_interval.until)
    RETURNING 1)
  SELECT count(*) FROM sessions
$$;
COMMENT ON FUNCTION forget_interval IS 'Forgets the sessions that began in an interval of a device that is to be erased.';

CREATE FUNCTION scrub_entries(of_shard smallint, of_lane smallint, places bigint[], whole boolean) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  DELETE FROM dead_letters WHERE shard = of_shard AND lane = of_lane AND position = ANY (places);
  IF whole THEN
    UPDATE journal_entries SET device = '00000000-0000-0000-0000-000000000000', stream = '00000000-0000-0000-0000-000000000000',
           stream_number = 0, sequence = 0, first_item = 0, last_item = 0, subject = NULL, keyid = '', signed = '', signature = '',
           digest = '', sent = NULL, verdict = NULL, key_no = NULL, body = NULL
     WHERE shard = of_shard AND lane = of_lane AND position = ANY (places)
       AND device IN (SELECT device FROM erasures e WHERE e.whole);
  ELSE
    UPDATE journal_entries SET body = NULL
     WHERE shard = of_shard AND lane = of_lane AND position = ANY (places)
       AND device IN (SELECT device FROM erasures);
  END IF;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
COMMENT ON FUNCTION scrub_entries IS 'Empties entries of erased devices (whole), or takes their bodies, and forgets the dead letters of these places. A place stays, so that no reader sees a hole.';

CREATE FUNCTION swap_segment(old text, new text, new_size bigint, new_digest bytea, upto bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE journal_segments SET object = new, size = new_size, digest = new_digest, erased = upto WHERE object = old;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF old <> new THEN
    INSERT INTO journal_replaced (object) VALUES (old) ON CONFLICT DO NOTHING;
  END IF;
  RETURN true;
END $$;
COMMENT ON FUNCTION swap_segment IS 'Names a segment''s new object, from which something was erased, or says that there was nothing; the old object is to be deleted. False when it is gone meanwhile.';

CREATE FUNCTION forget_key(gone uuid) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH forgotten AS (
    DELETE FROM journal_keys k WHERE k.kind = 'device' AND k.owner = gone AND k.destroyed_at IS NOT NULL
       AND EXISTS (SELECT FROM erasures e WHERE e.device = gone AND e.whole) RETURNING 1)
  SELECT count(*) FROM forgotten
$$;
COMMENT ON FUNCTION forget_key IS 'Forgets that an erased device ever had a key, which is destroyed.';

REVOKE ALL ON erasures, journal_replaced FROM PUBLIC;
REVOKE ALL ON FUNCTION forget_device(uuid), forget_interval(uuid, timestamptz, timestamptz),
  scrub_entries(smallint, smallint, bigint[], boolean), swap_segment(text, text, bigint, bytea, bigint), forget_key(uuid) FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON erasures TO eucora_app;
GRANT SELECT, DELETE ON journal_replaced TO eucora_app;
GRANT EXECUTE ON FUNCTION forget_device(uuid), forget_interval(uuid, timestamptz, timestamptz),
  scrub_entries(smallint, smallint, bigint[], boolean), swap_segment(text, text, bigint, bytea, bigint), forget_key(uuid) TO eucora_app;

-- migrate:down
SELECT 1;
