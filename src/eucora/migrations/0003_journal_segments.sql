-- migrate:up
-- The journal beyond its hot days: segments on the object store, found by position.
SET LOCAL lock_timeout = '4s';

CREATE TABLE journal_segments (
  shard      smallint NOT NULL,
  lane       smallint NOT NULL CHECK (lane IN (0, 1)),
  first      bigint NOT NULL CHECK (first > 0),
  last       bigint NOT NULL CHECK (last >= first),
  epoch      integer NOT NULL,
  since      timestamptz NOT NULL,
  until      timestamptz NOT NULL CHECK (until >= since),
  object     text NOT NULL UNIQUE,
  size       bigint NOT NULL,
  digest     bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shard, lane, last),
  UNIQUE (shard, lane, first)
);
CREATE INDEX journal_segments_until ON journal_segments (until);
COMMENT ON TABLE journal_segments IS 'Entries first to last of a shard and lane as one object, read back equal before it was named here. since, until: when the first and the last of them were received; digest: SHA-256 of the object.';

CREATE FUNCTION journal_day_is_sealed(part regclass) RETURNS boolean
  LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
  sealed boolean;
BEGIN
  EXECUTE format($q$
    SELECT NOT EXISTS (
      SELECT FROM journal_shards AS s CROSS JOIN (VALUES (0), (1)) AS lanes (lane)
       CROSS JOIN LATERAL (SELECT min(position) AS first, max(position) AS last
                             FROM %s AS e WHERE e.shard = s.shard AND e.lane = lanes.lane) AS held
       WHERE held.last IS NOT NULL
         AND (EXISTS (SELECT FROM cursors AS c
                       WHERE c.shard = s.shard AND c.lane = lanes.lane AND c.position < held.last)
              OR held.last - held.first + 1 > (
                   SELECT coalesce(sum(least(g.last, held.last) - greatest(g.first, held.first) + 1), 0)
                     FROM journal_segments AS g
                    WHERE g.shard = s.shard AND g.lane = lanes.lane
                      AND g.last >= held.first AND g.first <= held.last)))
    $q$, part) INTO sealed;
  RETURN sealed;
END $$;
COMMENT ON FUNCTION journal_day_is_sealed IS 'Whether every position of a partition stands in a segment, and every cursor is past it.';

CREATE FUNCTION drop_sealed_day(before date) RETURNS date
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  part text;
BEGIN
  SELECT c.relname INTO part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'journal_entries'::regclass
     AND c.relname < 'journal_entries_' || to_char(least(before, current_date - 1), 'YYYYMMDD') ORDER BY 1 LIMIT 1;
  IF part IS NULL OR NOT journal_day_is_sealed(part::regclass) THEN
    RETURN NULL;
  END IF;
  -- the parent first, as readers and writers do; and nothing that was seen before the lock is trusted after it
  LOCK TABLE ONLY journal_entries IN ACCESS EXCLUSIVE MODE;
  IF NOT journal_day_is_sealed(part::regclass) THEN
    RETURN NULL;
  END IF;
  EXECUTE format('DROP TABLE %I', part);
  RETURN to_date(right(part, 8), 'YYYYMMDD');
END $$;
COMMENT ON FUNCTION drop_sealed_day IS 'Drops the oldest day of journal entries, when it lies before a day that is past, every cursor is beyond it and every position of it stands in a segment. Which; null when there is none.';

REVOKE ALL ON journal_segments FROM PUBLIC;
REVOKE ALL ON FUNCTION journal_day_is_sealed(regclass), drop_sealed_day(date) FROM PUBLIC;
GRANT SELECT, INSERT ON journal_segments TO eucora_app;
GRANT EXECUTE ON FUNCTION drop_sealed_day(date) TO eucora_app;

-- migrate:down
SELECT 1;
