-- migrate:up
-- The archive beyond its hot rows: files on the object store, by kind and event day, in generations.
SET LOCAL lock_timeout = '4s';

ALTER TABLE windows ADD COLUMN sealed_at timestamptz, ADD COLUMN dropped_at timestamptz;
COMMENT ON TABLE windows IS 'Windows of arrival. A closed one never gets another row; ranges: {"shard/lane": [after, to]} of positions. A sealed one is read from its files; its hot rows go some time after (dropped_at).';

CREATE TABLE archive_files (
  file        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('metrics', 'lines', 'spans')),
  object      text NOT NULL UNIQUE,
  day         date NOT NULL,
  first       integer NOT NULL,
  last        integer NOT NULL CHECK (last >= first),
  generation  integer NOT NULL,
  rows        bigint NOT NULL,
  size        bigint NOT NULL,
  digest      bytea NOT NULL,
  since       timestamptz NOT NULL,
  until       timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  replaced_at timestamptz
);
CREATE INDEX archive_files_current ON archive_files (kind, until) WHERE replaced_at IS NULL;
COMMENT ON TABLE archive_files IS 'Files of rows by kind and event day, made from the windows first to last. A newer generation replaces a file in one transaction; the replaced object is deleted some time after.';

CREATE FUNCTION drop_windows(sealed_before timestamptz) RETURNS integer[]
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  gone integer[] := '{}'; w integer; parent text;
BEGIN
  FOR w IN SELECT "window" FROM windows
            WHERE state = 'sealed' AND dropped_at IS NULL AND sealed_at < sealed_before ORDER BY 1 LIMIT 8 FOR UPDATE LOOP
    FOREACH parent IN ARRAY ARRAY['hot_metrics', 'hot_lines', 'hot_spans'] LOOP
      EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || w);
    END LOOP;
    UPDATE windows SET dropped_at = clock_timestamp() WHERE "window" = w;
    gone := gone || w;
  END LOOP;
  RETURN gone;
END $$;
COMMENT ON FUNCTION drop_windows IS 'Drops hot rows of windows sealed before a moment: longer ago than any query runs. Which.';

REVOKE ALL ON archive_files FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_windows(timestamptz) FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON archive_files TO eucora_app;
GRANT EXECUTE ON FUNCTION drop_windows(timestamptz) TO eucora_app;

-- migrate:down
SELECT 1;
