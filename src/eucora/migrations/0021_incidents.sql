-- migrate:up
-- Incidents: what went wrong with the delivery of a device's telemetry, from when to when. Causes come later.
SET LOCAL lock_timeout = '4s';

CREATE TABLE incidents (
  number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind      text NOT NULL CHECK (kind IN ('items-lost', 'items-missing', 'clone')),
  severity  text NOT NULL CHECK (severity IN ('S1', 'S2', 'S3')),
  device    uuid NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  detail    jsonb NOT NULL
);
CREATE UNIQUE INDEX incidents_open ON incidents (kind, device) WHERE closed_at IS NULL;
CREATE INDEX incidents_device ON incidents (device, number);
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;
COMMENT ON TABLE incidents IS 'items-lost: a device said in the last day that it could not keep some; items-missing: nobody says what became of some, for an hour; clone: a stream is held. One of a kind is open of a device; detail: how many items and why, or which streams.';

CREATE INDEX items_gone_told ON items_gone (told_at);

CREATE FUNCTION forget_incidents(before timestamptz, most integer, OUT rows bigint, OUT since timestamptz, OUT until timestamptz)
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (
    DELETE FROM incidents WHERE number IN (SELECT number FROM incidents WHERE closed_at < before ORDER BY number LIMIT most)
    RETURNING opened_at, closed_at)
  SELECT count(*), min(opened_at), max(closed_at) FROM gone
$$;
COMMENT ON FUNCTION forget_incidents IS 'Retention: some that were closed before a moment.';

REVOKE ALL ON incidents FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON incidents TO eucora_app;
REVOKE ALL ON FUNCTION forget_incidents(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_incidents(timestamptz, integer) TO eucora_app;

-- migrate:down
SELECT 1;
