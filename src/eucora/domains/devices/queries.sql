-- name: search
-- devices behind a device_id that fulfil every word of a query; texts are LIKE patterns in lower case, but for packages:
-- those are beginnings, looked up once by their index whatever the number of devices. What is not asked for costs a
-- comparison a device, not a sub-plan
SELECT d.device_id, d.state, d.enrolled_at, d.revoked_at, h.received AS last_contact,
       d.manufacturer, d.model, d.chassis, d.os_family, d.os_name, d.os_version, d.os_build, d.architecture,
       d.cpu_model, d.cpu_count, d.memory_bytes, d.boot_time, d.timezone, d.virtual, d.vdi, d.tpm, d.disk_encrypted,
       d.firmware, d.site, d.simulated, d.event_time, d.received_at, d.key_no, d.hostname_sealed, d.serial_sealed
  FROM devices d
  LEFT JOIN LATERAL (SELECT max(received) AS received FROM journal_heads WHERE device = d.device_id) h ON true
 WHERE ($1::uuid IS NULL OR d.device_id > $1)
   AND ($14::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($14::text[]) x WHERE d.device_id::text NOT LIKE x))
   AND ($2::bytea[] = '{}' OR NOT EXISTS (SELECT FROM unnest($2::bytea[]) x WHERE d.hostname_pseudonym IS DISTINCT FROM x))
   AND ($3::bytea[] = '{}' OR NOT EXISTS (SELECT FROM unnest($3::bytea[]) x WHERE d.serial_pseudonym IS DISTINCT FROM x))
   AND ($4::bytea[] = '{}' OR NOT EXISTS (SELECT FROM unnest($4::bytea[]) x WHERE NOT EXISTS (
         SELECT FROM users u JOIN device_user_map m USING (user_id)
          WHERE u.account_pseudonym = x AND m.device_id = d.device_id)
       AND NOT EXISTS (
         SELECT FROM users u JOIN subjects j USING (user_id) JOIN sessions s ON s.user_id = j.subject
          WHERE u.account_pseudonym = x AND s.device_id = d.device_id)))
   AND ($5::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($5::text[]) x WHERE NOT coalesce(
         lower(d.model) LIKE x OR lower(concat_ws(' ', d.manufacturer, d.model)) LIKE x, false)))
   AND ($6::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($6::text[]) x WHERE NOT coalesce(
         lower(d.os_name) LIKE x OR lower(concat_ws(' ', d.os_name, d.os_version)) LIKE x OR d.os_family LIKE x, false)))
   AND ($7::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($7::text[]) x WHERE (d.device_id, x) NOT IN (
         SELECT s.device, p FROM unnest($7::text[]) p
           JOIN software_inventory s ON s.present AND lower(s.name) ~>=~ p AND lower(s.name) ~<~ (p || chr(1114111)))))
   AND ($8::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($8::text[]) x WHERE NOT (
         d.state LIKE x OR (d.simulated AND 'simulated' LIKE x) OR (d.state = 'enrolled' AND ('active' LIKE x
           OR CASE WHEN h.received > statement_timestamp() - interval '15 minutes' THEN 'reporting' ELSE 'silent' END LIKE x)))))
   AND ($15::text[] = '{}' OR NOT EXISTS (SELECT FROM unnest($15::text[]) x WHERE NOT coalesce(lower(d.site) LIKE x, false)))
   AND ($9::bytea[] = '{}' OR NOT EXISTS (SELECT FROM unnest($9::bytea[], $10::bytea[], $11::text[], $12::text[])
                            AS w (hostname, serial, start, text) WHERE NOT (
         coalesce(d.hostname_pseudonym = w.hostname, false) OR coalesce(d.serial_pseudonym = w.serial, false)
         OR coalesce(lower(d.model) LIKE w.start, false) OR coalesce(lower(d.os_name) LIKE w.start, false)
         OR d.device_id::text LIKE w.start
         OR (d.device_id, w.text) IN (
           SELECT s.device, p FROM unnest($12::text[]) p
             JOIN software_inventory s ON s.present AND lower(s.name) ~>=~ p AND lower(s.name) ~<~ (p || chr(1114111))))))
 ORDER BY d.device_id
 LIMIT $13

-- name: one
-- one device by its id
SELECT d.device_id, d.state, d.enrolled_at, d.revoked_at, h.received AS last_contact,
       d.manufacturer, d.model, d.chassis, d.os_family, d.os_name, d.os_version, d.os_build, d.architecture,
       d.cpu_model, d.cpu_count, d.memory_bytes, d.boot_time, d.timezone, d.virtual, d.vdi, d.tpm, d.disk_encrypted,
       d.firmware, d.site, d.simulated, d.event_time, d.received_at, d.key_no, d.hostname_sealed, d.serial_sealed
  FROM devices d
  LEFT JOIN LATERAL (SELECT max(received) AS received FROM journal_heads WHERE device = d.device_id) h ON true
 WHERE d.device_id = $1

-- name: facts
-- what a device was said to be, as intervals, oldest first
SELECT attribute, value, valid_from, valid_to FROM device_fact_intervals WHERE device = $1 ORDER BY attribute, valid_from

-- name: say_facts
-- what devices are, unless a newer item has said so already; rows in ascending order of devices
UPDATE devices d
   SET manufacturer = n.manufacturer, model = n.model, chassis = n.chassis, os_family = n.os_family,
       os_name = n.os_name, os_version = n.os_version, os_build = n.os_build, architecture = n.architecture,
       cpu_model = n.cpu_model, cpu_count = n.cpu_count, memory_bytes = n.memory_bytes, boot_time = n.boot_time,
       timezone = n.timezone, virtual = n.virtual, vdi = n.vdi, tpm = n.tpm, disk_encrypted = n.disk_encrypted,
       firmware = n.firmware, key_no = n.key_no,
       hostname_sealed = n.hostname_sealed, hostname_pseudonym = n.hostname_pseudonym,
       serial_sealed = n.serial_sealed, serial_pseudonym = n.serial_pseudonym,
       order_stream = n.order_stream, order_item = n.order_item, event_time = n.event_time, received_at = n.received_at,
       facts_told = n.facts_told, facts_held = facts_digest(n)
  FROM jsonb_populate_recordset(NULL::devices, $1::jsonb) n
 WHERE d.device_id = n.device_id AND (d.order_stream, d.order_item) < (n.order_stream, n.order_item)

-- name: held_facts
-- the facts of a device: by which item, with which digest, and whether they still stand as they were absorbed
SELECT order_stream, order_item, facts_told, facts_held IS NOT DISTINCT FROM facts_digest(d) AS untouched
  FROM devices d WHERE device_id = $1

-- name: keep_facts
-- what attributes were said to be
INSERT INTO device_facts (device, attribute, order_stream, order_item, value, event_time, received_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::timestamptz[], $7::timestamptz[])
ON CONFLICT DO NOTHING

-- name: say_policies
-- under which policy devices were last heard
UPDATE devices d SET policy = n.policy, policy_stream = n.stream, policy_item = n.item
  FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[]) AS n (device, policy, stream, item)
 WHERE d.device_id = n.device AND (d.policy_stream, d.policy_item) < (n.stream, n.item)

-- name: policies_of
-- under which policy some devices were last heard
SELECT device_id, policy, policy_stream, policy_item FROM devices WHERE device_id = ANY ($1::uuid[])

-- name: revoke
-- a device is turned away; nothing when it is already
UPDATE devices SET state = 'revoked', revoked_at = $2 WHERE device_id = $1 AND state <> 'revoked' RETURNING device_id

-- name: held
-- of which value an attribute was and when, one at a time: what was said later holds from its own moment on, whatever was
-- said before of later moments
SELECT device, (extract(epoch FROM event_time) * 1000000)::bigint AS since,
       (extract(epoch FROM coalesce(until, 'epoch'::timestamptz + interval '200 years')) * 1000000)::bigint AS until, value
  FROM (SELECT device, value, event_time, lead(event_time) OVER w AS until
          FROM (SELECT *, max(ARRAY[order_stream, order_item]) OVER (PARTITION BY device ORDER BY event_time, order_stream, order_item) AS newest
                  FROM (SELECT *, lag(value) OVER o IS DISTINCT FROM value OR lag(order_item) OVER o IS NULL
                                  OR event_time < lag(event_time) OVER o AS turned
                          FROM device_facts WHERE attribute = $1 AND ($2::uuid[] IS NULL OR device = ANY ($2))
                        WINDOW o AS (PARTITION BY device ORDER BY order_stream, order_item)) said
                 WHERE turned) turns
         WHERE newest = ARRAY[order_stream, order_item]
        WINDOW w AS (PARTITION BY device ORDER BY event_time, order_stream, order_item)) held
 WHERE value IS NOT NULL AND (until IS NULL OR until > event_time)

-- name: beings
-- by what some devices are compared with others, as it is now
SELECT device_id, nullif(concat_ws(' ', os_name, os_version), '') AS os, nullif(concat_ws(' ', manufacturer, model), '') AS model, site
  FROM devices WHERE device_id = ANY ($1::uuid[])

-- name: say_site
-- where a device belongs; nothing when there is no such device
UPDATE devices SET site = $2 WHERE device_id = $1 RETURNING device_id

-- name: keep_site
-- since when: in the order in which operators said it, which is apart from the order of what the device says
INSERT INTO device_facts (device, attribute, order_stream, order_item, value, event_time, received_at)
VALUES ($1, 'site', 0, $4, $2, $3, $3) ON CONFLICT DO NOTHING
