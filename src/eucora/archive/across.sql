-- name: make_tables
-- where the metric stands in each shape, under which of its sets of labels; and each series' last point, which the next
-- part of the span begins from
CREATE TABLE places (shape INTEGER, place INTEGER, label INTEGER);
CREATE TABLE before (device UUID, time TIMESTAMP, position BIGINT, item BIGINT, label INTEGER, value DOUBLE)

-- name: place
INSERT INTO places VALUES ($1, $2, $3)

-- name: name_groups
-- numbers behind names: a row is grouped by a number
CREATE TYPE named AS ENUM (SELECT DISTINCT value FROM said ORDER BY value)

-- name: hold
-- of which group a device was, and when
CREATE TABLE held AS SELECT device, since, until, value::named AS value FROM said

-- name: extent
SELECT min(time), max(time) FROM hot

-- name: told_by_device
CREATE OR REPLACE TEMP VIEW told AS
SELECT device, NULL::VARCHAR AS "group", device AS source, label, value, time, position, item FROM points
 WHERE value IS NOT NULL

-- name: told_by_fleet
CREATE OR REPLACE TEMP VIEW told AS
SELECT NULL::UUID AS device, NULL::VARCHAR AS "group", device AS source, label, value, time, position, item FROM points
 WHERE value IS NOT NULL

-- name: told_by_group
-- of which group a device was when it took the sample; null when nobody has said
CREATE OR REPLACE TEMP VIEW told AS
SELECT NULL::UUID AS device, h.value AS "group", p.device AS source, p.label, p.value, p.time, p.position, p.item
  FROM points p LEFT JOIN held h ON h.device = p.device AND p.time >= h.since AND p.time < h.until
 WHERE p.value IS NOT NULL

-- name: stepped
-- whole numbers are divided slower than these, which are exact: microseconds of less than 285 years
SELECT {shown}, step, {made} AS value
  FROM (SELECT *, floor((epoch_us(time) - $since) / $step)::BIGINT AS step FROM told)
 GROUP BY {keys} ORDER BY device, "group", label, step

-- name: rate
-- what a counter rose a second between its points, one that fell began again at nothing; of several devices the sum
WITH risen AS (
  SELECT {of}, time, value, epoch_us(time) - epoch_us(lag(time) OVER each) AS us, lag(value) OVER each AS was
    FROM told
  WINDOW each AS (PARTITION BY {series} ORDER BY time, position, item)),
rates AS (
  SELECT {of}, floor((epoch_us(time) - $since) / $step)::BIGINT AS step,
         sum(CASE WHEN value < was THEN value ELSE value - was END) * 1e6 / sum(us) AS rate
    FROM risen WHERE us > 0 AND epoch_us(time) >= $from GROUP BY {of}, step)
SELECT {shown}, step, sum(rate) AS value FROM rates GROUP BY {keys} ORDER BY device, "group", label, step

-- name: remember
-- each series' last point so far
CREATE OR REPLACE TABLE before AS
SELECT p.device, p.time, p.position, p.item, p.label, p.value
  FROM points p
  JOIN (SELECT device, label, max(time) AS time FROM points WHERE value IS NOT NULL GROUP BY ALL) USING (device, label, time)
 WHERE p.value IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY p.device, p.label ORDER BY p.position DESC, p.item DESC) = 1

-- name: newest
-- of each series its newest point alone
CREATE OR REPLACE TEMP TABLE newest AS
SELECT device, "group", label, value, time FROM told
QUALIFY row_number() OVER (PARTITION BY source, label ORDER BY time DESC, position DESC, item DESC) = 1

-- name: newest_each
SELECT device, "group", label, epoch_us(time) AS us, value FROM newest ORDER BY device, label

-- name: newest_mean
SELECT device, "group", label, epoch_us(max(time)) AS us, avg(value) FROM newest GROUP BY ALL ORDER BY "group", label

-- name: newest_min
SELECT device, "group", label, epoch_us(max(time)) AS us, min(value) FROM newest GROUP BY ALL ORDER BY "group", label

-- name: newest_max
SELECT device, "group", label, epoch_us(max(time)) AS us, max(value) FROM newest GROUP BY ALL ORDER BY "group", label

-- name: newest_count
SELECT device, "group", label, epoch_us(max(time)) AS us, count(value)::DOUBLE FROM newest GROUP BY ALL ORDER BY "group", label

-- name: newest_quantile
SELECT device, "group", label, epoch_us(max(time)) AS us, quantile_cont(value, $quantile)
  FROM newest GROUP BY ALL ORDER BY "group", label

-- name: hot_points
-- hot values of one metric in a span of time, of some devices or all
SELECT m.device, (extract(epoch FROM m.time) * 1000000)::bigint, m.position, m.item, m.shape, s.place, m.values[s.place]
  FROM hot_metrics m
  JOIN (SELECT shape, p.place::int AS place
          FROM shapes, jsonb_array_elements(parts) WITH ORDINALITY AS p (part, place)
         WHERE kind = 'metrics' AND p.part ->> 0 = $1) s USING (shape)
 WHERE m.time >= $2 AND m.time < $3 AND m."window" = ANY ($4::integer[]) AND ($5::uuid[] IS NULL OR m.device = ANY ($5))
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = m.device AND (k.since IS NULL OR m.time >= k.since)
                                            AND m.time < k.until)
