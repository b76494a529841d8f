-- name: devices
-- a fleet: ten models, five sites, three systems; some were not heard of for a day
INSERT INTO devices (device_id, enrolled_at, received_at, event_time, manufacturer, model, site, os_family, os_name, os_version,
                     cpu_count, memory_bytes)
SELECT md5(n::text)::uuid, now() - interval '40 days', now(), now(), 'Lenovo', 'ThinkPad T' || (14 + n % 10), 'Site ' || n % 5, 'linux',
       (ARRAY['Debian GNU/Linux', 'Ubuntu', 'Fedora'])[1 + n % 3], (ARRAY['12', '24.04', '42'])[1 + n % 3], 8, 17179869184
  FROM generate_series(1, $1::int) n

-- name: heads
INSERT INTO journal_heads (stream, device, number, last_sequence, last_digest, gaps, last_item, joins, fork, received)
SELECT md5('s' || n)::uuid, md5(n::text)::uuid, 1, 1000, '', '[]', 1000, 'first', false,
       now() - CASE WHEN n % 9 = 0 THEN interval '1 day' ELSE interval '1 minute' END
  FROM generate_series(1, $1::int) n

-- name: packages
INSERT INTO software_inventory (device, source, name, architecture, version, present, order_stream, order_item, event_time, received_at)
SELECT md5(n::text)::uuid, 'deb', (ARRAY['bash', 'openssl', 'firefox-esr', 'libc6', 'vim'])[p], 'amd64', '1.' || n % 4, true, 1, 1, now(), now()
  FROM generate_series(1, $1::int) n, generate_series(1, 5) p

-- name: shape
INSERT INTO shapes (kind, parts, digest)
VALUES ('metrics', '[["system_cpu_utilization_ratio", {}], ["system_memory_utilization_ratio", {}], ["system_filesystem_utilization_ratio", {}]]', '\x00')
RETURNING shape

-- name: rows
-- two hot rows a device
INSERT INTO hot_metrics ("window", device, time, received, position, item, shard, lane, marks, shape, "values")
SELECT (SELECT max("window") FROM windows), md5(n::text)::uuid, now() - m * interval '1 minute', now(), 2 * n + m, 2 * n + m, n % 8, 0, 0, $2,
       ARRAY[0.2 + (n % 80) / 100.0, 0.5, 0.6]
  FROM generate_series(1, $1::int) n, generate_series(1, 2) m

-- name: events
-- a busy trail is what it is; the letters are what could not be stored
INSERT INTO dead_letters (id, stream, stream_number, ordinal, device, shard, lane, position, received, reason)
SELECT gen_random_uuid(), md5('s' || n)::uuid, 1, n, md5(n::text)::uuid, n % 8, 0, n, now(), 'schema' FROM generate_series(1, 2000) n

-- name: analyze
ANALYZE
