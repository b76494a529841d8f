-- migrate:up
-- What a device says that the platform should hold of it, and whether that is so.
SET LOCAL lock_timeout = '4s';

ALTER TABLE devices ADD COLUMN facts_told bytea, ADD COLUMN facts_held bytea;
COMMENT ON COLUMN devices.facts_told IS 'Keyed digest of the facts as the device told them, before their words were settled.';
COMMENT ON COLUMN devices.facts_held IS 'Digest of this row as it was absorbed: another one now means that somebody or something changed it.';

CREATE FUNCTION facts_digest(d devices) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to(jsonb_build_array(
    d.key_no, encode(d.hostname_sealed, 'hex'), encode(d.hostname_pseudonym, 'hex'), encode(d.serial_sealed, 'hex'),
    encode(d.serial_pseudonym, 'hex'), d.manufacturer, d.model, d.chassis, d.os_family, d.os_name, d.os_version, d.os_build,
    d.architecture, d.cpu_model, d.cpu_count, d.memory_bytes, extract(epoch FROM d.boot_time), d.timezone, d.virtual, d.vdi,
    d.tpm, d.disk_encrypted, d.firmware)::text, 'UTF8'))
$$;
COMMENT ON FUNCTION facts_digest IS 'Over the facts of a row of devices, whatever else stands in it.';

CREATE TABLE state_told (
  device       uuid NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
  section      text NOT NULL CHECK (section IN ('software', 'device', 'sessions')),
  digest       bytea NOT NULL,
  whole        boolean NOT NULL,
  order_stream integer NOT NULL,
  order_item   bigint NOT NULL,
  event_time   timestamptz NOT NULL,
  received_at  timestamptz NOT NULL,
  checked      boolean NOT NULL DEFAULT false,
  live         bigint,
  replay       bigint,
  drifted_at   timestamptz,
  healed_at    timestamptz,
  resync       boolean NOT NULL DEFAULT false,
  resync_asked timestamptz,
  PRIMARY KEY (device, section)
);
CREATE INDEX state_told_unchecked ON state_told (device) WHERE NOT checked;
CREATE INDEX state_told_drifted ON state_told (drifted_at) WHERE drifted_at IS NOT NULL;
CREATE INDEX state_told_resync ON state_told (device) WHERE resync;
COMMENT ON TABLE state_told IS 'By its newest heartbeat that says so: the keyed digest of what a device told of a section, whether that is what is held here, since when it is not, and whether the section is asked for whole.';
COMMENT ON COLUMN state_told.live IS 'With replay: the last positions of its shard at a moment when nothing of the device was missing. Compared when the pipeline has read that far.';
COMMENT ON COLUMN state_told.whole IS 'The same item carries the section whole.';

REVOKE ALL ON state_told FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON state_told TO eucora_app;
REVOKE ALL ON FUNCTION facts_digest(devices) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facts_digest(devices) TO eucora_app;

-- migrate:down
SELECT 1;
