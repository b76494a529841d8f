-- name: metrics
-- a day of a fleet: a row a device and minute, of 20 samples: ratios that wander, sizes, counters, and some that stay
CREATE OR REPLACE TABLE rows AS
SELECT md5(d::VARCHAR)::UUID AS device,
       $begin::TIMESTAMP + to_minutes(m) + to_seconds(d % 60) AS time,
       $begin::TIMESTAMP + to_minutes(m) + to_seconds(d % 60) + to_milliseconds(800) AS received,
       ($day * 1440 + m) * 1000 + d AS position, $day * 1440 + m AS item,
       (d % 16)::SMALLINT AS shard, 0::SMALLINT AS lane, 0::SMALLINT AS marks, 1::INTEGER AS shape,
       round(0.5 + 0.3 * sin(m / 61.0 + d) + 0.05 * random(), 3) AS v1,
       round(0.5 + 0.3 * sin(m / 62.0 + d) + 0.05 * random(), 3) AS v2,
       round(0.5 + 0.3 * sin(m / 63.0 + d) + 0.05 * random(), 3) AS v3,
       round(0.5 + 0.3 * sin(m / 64.0 + d) + 0.05 * random(), 3) AS v4,
       round(0.5 + 0.3 * sin(m / 65.0 + d) + 0.05 * random(), 3) AS v5,
       round(0.5 + 0.3 * sin(m / 66.0 + d) + 0.05 * random(), 3) AS v6,
       round(0.5 + 0.3 * sin(m / 67.0 + d) + 0.05 * random(), 3) AS v7,
       round(0.5 + 0.3 * sin(m / 68.0 + d) + 0.05 * random(), 3) AS v8,
       4096.0::DOUBLE * (d * 7919 % 4000000 + floor(500 * random())) AS v9,
       4096.0::DOUBLE * (d * 7907 % 4000000 + floor(500 * random())) AS v10,
       4096.0::DOUBLE * (d * 7901 % 4000000 + floor(500 * random())) AS v11,
       4096.0::DOUBLE * (d * 7883 % 4000000 + floor(500 * random())) AS v12,
       50000.0::DOUBLE * ($day * 1440 + m) + floor(50000 * random()) AS v13,
       50000.0::DOUBLE * ($day * 1440 + m) + floor(50000 * random()) AS v14,
       50000.0::DOUBLE * ($day * 1440 + m) + floor(50000 * random()) AS v15,
       50000.0::DOUBLE * ($day * 1440 + m) + floor(50000 * random()) AS v16,
       d * 104729.0::DOUBLE AS v17, d * 1299709.0::DOUBLE AS v18, d * 15485863.0::DOUBLE AS v19, 1.0::DOUBLE AS v20
  FROM range($devices) t (d), range(1440) u (m)

-- name: lines
-- a day of a fleet's lines: templates, two fields, a number that is never the same
CREATE OR REPLACE TABLE rows AS
SELECT md5(d::VARCHAR)::UUID AS device,
       $begin::TIMESTAMP + to_microseconds(n * (86400000000 // $each) + d * 7) AS time,
       $begin::TIMESTAMP + to_microseconds(n * (86400000000 // $each) + d * 7 + 900000) AS received,
       ($day * 1440 + n) * 1000 + d AS position, n AS item,
       (d % 16)::SMALLINT AS shard, 0::SMALLINT AS lane, 0::SMALLINT AS marks, (10 + (d + n) % 9)::INTEGER AS shape,
       uuid() AS id, NULL::UUID AS subject, 1::BIGINT AS count,
       ['connection from {address} to port {port} closed', 'job {name} of unit {unit} finished',
        'disk {name}: sectors reallocated at {address}'][1 + (n % 3)] AS text,
       '{"address": "10.' || d % 250 || '.' || n % 250 || '.' || floor(250 * random())::INTEGER || '", "unit": "unit-'
         || (d * 31 + n) % 997 || '"}' AS fields
  FROM range($devices) t (d), range($each) u (n)

-- name: spans
-- a day of a fleet's traces, of four spans each
CREATE OR REPLACE TABLE rows AS
SELECT md5(d::VARCHAR)::UUID AS device,
       $begin::TIMESTAMP + to_microseconds(n * (86400000000 // $each) + s * 250000) AS time,
       $begin::TIMESTAMP + to_microseconds(n * (86400000000 // $each) + 900000) AS received,
       ($day * 1440 + n) * 1000 + d AS position, n * 4 + s AS item,
       (d % 16)::SMALLINT AS shard, 0::SMALLINT AS lane, 0::SMALLINT AS marks, (30 + s)::INTEGER AS shape,
       md5($day || '/' || d || '/' || n) AS trace_id, substr(md5($day || '/' || d || '/' || n || '/' || s), 1, 16) AS span_id,
       CASE WHEN s > 0 THEN substr(md5($day || '/' || d || '/' || n || '/0'), 1, 16) END AS parent_id, NULL::UUID AS subject,
       2 * random() AS duration_s, CASE WHEN random() < 0.01 THEN 'error' ELSE 'ok' END AS status,
       '{"package": "package-' || (d * 31 + n) % 997 || '"}' AS attributes
  FROM range($devices) t (d), range($each) u (n), range(4) w (s)

-- name: shapes
-- one of metrics, nine of lines, four of spans, under the numbers that rows have
INSERT INTO shapes (shape, kind, parts, digest) OVERRIDING SYSTEM VALUE
SELECT 1, 'metrics', (SELECT jsonb_agg(jsonb_build_array(CASE n WHEN 3 THEN 'system_cpu_utilization_ratio' WHEN 13 THEN
       'system_uptime_seconds' ELSE 'metric_' || n END, '{}'::jsonb) ORDER BY n) FROM generate_series(1, 20) n), 'metrics'::bytea
UNION ALL
SELECT 10 + n, 'lines', jsonb_build_object('kind', 'log', 'source', 'program-' || n,
                                           'severity', (ARRAY['info', 'warning', 'error'])[1 + n % 3]), ('lines' || n)::bytea
  FROM generate_series(0, 8) n
UNION ALL
SELECT 30 + n, 'spans', jsonb_build_object('name', 'step-' || n), ('spans' || n)::bytea FROM generate_series(0, 3) n

-- name: models
-- what model each device was said to be, at first
INSERT INTO device_facts SELECT md5(d::text)::uuid, 'model', 1, 1, 'model-' || d % 5, $2, $2 FROM generate_series(0, $1 - 1) d
