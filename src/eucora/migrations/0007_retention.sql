-- migrate:up
-- Retention: what is older than its class allows goes by functions of the owner, which check before they drop.
SET LOCAL lock_timeout = '4s';

ALTER TABLE archive_files ADD COLUMN without text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN archive_files.without IS 'Retention classes of which the file holds no row any more, though it did.';

ALTER TABLE journal_segments ADD COLUMN expired_at timestamptz;
COMMENT ON COLUMN journal_segments.expired_at IS 'Since when nobody reads it: its object is being deleted, then its row.';

CREATE TABLE journal_floors (
  shard    smallint NOT NULL,
  lane     smallint NOT NULL CHECK (lane IN (0, 1)),
  position bigint NOT NULL,
  PRIMARY KEY (shard, lane)
);
COMMENT ON TABLE journal_floors IS 'The last position of a place that retention took: whoever begins to read begins behind it.';

-- the oldest is asked for, and whether a month is old enough
CREATE INDEX dead_letters_received ON dead_letters (received);
CREATE INDEX sessions_received ON sessions (received_at);

CREATE FUNCTION expire_segments(before timestamptz, most integer)
  RETURNS TABLE (segments bigint, bytes bigint, since timestamptz, until timestamptz)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  -- a consumer that is added meanwhile waits, and then begins behind the floor
  LOCK TABLE cursors IN SHARE ROW EXCLUSIVE MODE;
  RETURN QUERY
    WITH due AS (
      SELECT g.shard, g.lane, g.last FROM journal_segments g
       WHERE g.expired_at IS NULL AND g.until < before
         AND NOT EXISTS (SELECT FROM cursors c WHERE c.shard = g.shard AND c.lane = g.lane AND c.position < g.last)
         -- the drop of a day asks that all its positions stand in segments
         AND to_regclass('journal_entries_' || to_char(g.until AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NULL
       ORDER BY g.until, g.last LIMIT most),
    gone AS (
      UPDATE journal_segments g SET expired_at = clock_timestamp() FROM due
       WHERE g.shard = due.shard AND g.lane = due.lane AND g.last = due.last
      RETURNING g.shard, g.lane, g.last, g.size, g.since, g.until),
    floors AS (
      INSERT INTO journal_floors AS f (shard, lane, position)
      SELECT gone.shard, gone.lane, max(gone.last) FROM gone GROUP BY 1, 2
      ON CONFLICT (shard, lane) DO UPDATE SET position = greatest(f.position, excluded.position))
    SELECT count(*), coalesce(sum(gone.size), 0)::bigint, min(gone.since), max(gone.until) FROM gone;
END $$;
COMMENT ON FUNCTION expire_segments IS 'Takes segments received before a moment from the readers'' sight, oldest first, where every cursor is past them. How many, and between which times.';

CREATE FUNCTION forget_segments(gone text[]) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH deleted AS (DELETE FROM journal_segments WHERE object = ANY (gone) AND expired_at IS NOT NULL RETURNING 1)
  SELECT count(*)::integer FROM deleted
$$;
COMMENT ON FUNCTION forget_segments IS 'Forgets expired segments whose objects are deleted.';

CREATE FUNCTION expired_months(parent text, before timestamptz) RETURNS TABLE (part text, upto timestamptz)
  LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT relname, upto FROM (
    SELECT c.relname::text, (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' AS upto
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = parent::regclass AND c.relname ~ ('^' || parent || '_[0-9]{6}$')) AS months
   -- keep_partitions would make the last month anew
   WHERE upto <= before AND upto <= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month') AT TIME ZONE 'UTC'
   ORDER BY upto
$$;
COMMENT ON FUNCTION expired_months IS 'Partitions of a month that ended before a moment, oldest first.';

CREATE FUNCTION drop_expired_month(parent text, before timestamptz)
  RETURNS TABLE (rows bigint, since timestamptz, until timestamptz)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  month record; clocked text;
BEGIN
  clocked := CASE parent WHEN 'dead_letters' THEN 'received' WHEN 'sessions' THEN 'received_at' END;
  IF clocked IS NULL THEN
    RAISE EXCEPTION '% is not dropped by months', parent;
  END IF;
  FOR month IN SELECT * FROM expired_months(parent, before) LOOP
    EXECUTE format('SELECT count(*), min(%1$I), max(%1$I) FROM %2$I', clocked, month.part) INTO rows, since, until;
    CONTINUE WHEN until >= before;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
    -- what was seen before the lock is not trusted after it
    EXECUTE format('SELECT count(*), min(%1$I), max(%1$I) FROM %2$I', clocked, month.part) INTO rows, since, until;
    CONTINUE WHEN until >= before;
    EXECUTE format('DROP TABLE %I', month.part);
    RETURN NEXT;
    RETURN;
  END LOOP;
END $$;
COMMENT ON FUNCTION drop_expired_month IS 'Drops the oldest month of which every row was received before a moment. How many rows; none when there is no such month.';

CREATE FUNCTION expired_audit_month(before timestamptz) RETURNS TABLE (part text, last bigint, digest bytea)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  month record;
BEGIN
  FOR month IN SELECT * FROM expired_months('audit_events', before) LIMIT 1 LOOP
    part := month.part;
    EXECUTE format('SELECT position, digest FROM %I ORDER BY position DESC LIMIT 1', part) INTO last, digest;
    RETURN NEXT;
  END LOOP;
END $$;
COMMENT ON FUNCTION expired_audit_month IS 'The oldest month of the trail that ended before a moment, and its last event: a signed head must vouch for that.';

CREATE FUNCTION drop_audit_month(before timestamptz)
  RETURNS TABLE (rows bigint, since timestamptz, until timestamptz)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  month record; strays bigint;
BEGIN
  -- the trail first, as who records does
  PERFORM pg_advisory_xact_lock(4711010);
  LOCK TABLE ONLY audit_events IN ACCESS EXCLUSIVE MODE;
  SELECT * INTO month FROM expired_audit_month(before);
  IF month.part IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format('SELECT count(*), min(at), max(at) FROM %I', month.part) INTO rows, since, until;
  IF month.last IS NOT NULL THEN
    -- at the border of two months an event may lie behind its neighbour: it goes with it, when it is old enough too
    IF NOT EXISTS (SELECT FROM audit_heads WHERE position = month.last AND audit_heads.digest = month.digest)
       OR NOT EXISTS (SELECT FROM audit_events WHERE position > month.last)
       OR EXISTS (SELECT FROM audit_events WHERE position < month.last AND at >= before) THEN
      RETURN;
    END IF;
  END IF;
  EXECUTE format('DROP TABLE %I', month.part);
  DELETE FROM audit_events WHERE position < month.last;
  GET DIAGNOSTICS strays = ROW_COUNT;
  rows := rows + strays;
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION drop_audit_month IS 'Drops the oldest month of the trail when all of it happened before a moment and a signed head vouches for its last event.';

CREATE FUNCTION forget_superseded(before timestamptz, most integer)
  RETURNS TABLE (rows bigint, since timestamptz, until timestamptz)
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH facts AS (
    DELETE FROM device_facts WHERE (device, attribute, order_stream, order_item) IN (
      SELECT f.device, f.attribute, f.order_stream, f.order_item FROM device_facts f
       WHERE f.received_at < before AND EXISTS (
         SELECT FROM device_facts n WHERE n.device = f.device AND n.attribute = f.attribute AND n.received_at < before
            AND n.event_time < before AND (n.order_stream, n.order_item) > (f.order_stream, f.order_item))
       LIMIT most)
    RETURNING received_at),
  software AS (
    DELETE FROM software_inventory WHERE (device, source, name, architecture, version) IN (
      SELECT device, source, name, architecture, version FROM software_inventory
       WHERE NOT present AND received_at < before LIMIT most)
       -- asked again of the row as it is locked: it may have come back meanwhile
       AND NOT present AND received_at < before
    RETURNING received_at),
  others AS (
    DELETE FROM sessions_default WHERE (session_id, start) IN (
      SELECT session_id, start FROM sessions_default WHERE received_at < before LIMIT most)
       AND received_at < before
    RETURNING received_at)
  SELECT count(*), min(received_at), max(received_at)
    FROM (SELECT * FROM facts UNION ALL SELECT * FROM software UNION ALL SELECT * FROM others) AS gone
$$;
COMMENT ON FUNCTION forget_superseded IS 'Forgets, some at a time, what was true before a moment and is not any more: facts that another followed, packages that were removed, and sessions of a time that has no partition.';

REVOKE ALL ON journal_floors FROM PUBLIC;
REVOKE ALL ON FUNCTION expire_segments(timestamptz, integer), forget_segments(text[]), expired_months(text, timestamptz),
  drop_expired_month(text, timestamptz), expired_audit_month(timestamptz), drop_audit_month(timestamptz),
  forget_superseded(timestamptz, integer) FROM PUBLIC;
GRANT SELECT ON journal_floors TO eucora_app;
GRANT EXECUTE ON FUNCTION expire_segments(timestamptz, integer), forget_segments(text[]),
  drop_expired_month(text, timestamptz), expired_audit_month(timestamptz), drop_audit_month(timestamptz),
  forget_superseded(timestamptz, integer) TO eucora_app;

-- migrate:down
SELECT 1;
