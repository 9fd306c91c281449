"""Twelve weeks at four scanners, made up: thousands of studies with results and reports, and a day with troubles."""

from __future__ import annotations

from sqlalchemy import Engine, text

from db.engine import transaction

_WEEKS = """
CREATE TEMP TABLE day_of_study AS
SELECT n, at, sender, station, truth, CASE
    WHEN sender = 'ER-DX2' AND at > now() - interval '7 days' THEN 0.55 + 0.4 * b
    WHEN c < 0.08 THEN 0.4 + 0.2 * b ELSE 0.62 + 0.37 * sqrt(b)
END AS top, c, CASE WHEN c > 0.9 THEN 1 WHEN c > 0.83 THEN 2 ELSE 0 END AS slip
FROM (
    SELECT n, at, (ARRAY['ER-DX1', 'ER-DX2', 'WARD-CR', 'CLINIC-DX'])[1 + (n % 11) % 4] AS sender,
        (ARRAY['ROOM 1', 'ROOM 2', 'MOBILE', 'LEVEL 3'])[1 + (n % 11) % 4] AS station,
        CASE WHEN a < 0.12 THEN 0 WHEN a < 0.34 THEN 2 ELSE 1 END AS truth, b, c
    FROM (
        SELECT n, random() AS a, random() AS b, random() AS c,
            now() - interval '3 min' - (4200 - n) * interval '28.5 min'
                - CASE WHEN n % 7 < 4 THEN interval '0' ELSE interval '5 h' END AS at
        FROM generate_series(1, 4200) AS n
    ) AS drawn
) AS studies;
INSERT INTO studies (study_instance_uid, received_at, last_received_at)
SELECT '2.25.' || n, at, at FROM day_of_study ORDER BY n;
INSERT INTO series (study_id, series_instance_uid, modality) SELECT id, study_instance_uid || '.1', 'DX' FROM studies;
INSERT INTO study_identities (study_id, station_name)
SELECT s.id, d.station FROM studies AS s JOIN day_of_study AS d ON study_instance_uid = '2.25.' || n;
INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, path,
    calling_ae_title, received_at)
SELECT se.id, study_instance_uid || '.1.1', '1', '1', study_instance_uid, 1000, 'p', sender, at
FROM series AS se JOIN studies AS s ON s.id = se.study_id JOIN day_of_study ON study_instance_uid = '2.25.' || n;
INSERT INTO model_versions (name, version, sha256, undetermined_below, covid19_from)
VALUES ('chest-efficientnet-lite0', '0.3.0', repeat('ab', 32), 0.5, 0.6);
INSERT INTO findings (study_id, model_version_id, input_digest, outcome, label, probabilities, analysed_instance_id,
    created_at)
SELECT s.id, m.id, 'd', CASE WHEN top < 0.5 THEN 'undetermined' ELSE 'classified' END,
    CASE WHEN top >= 0.5 THEN (ARRAY['COVID19', 'NORMAL', 'PNEUMONIA'])[1 + (truth + slip) % 3] END,
    jsonb_build_object(
        (ARRAY['COVID19', 'NORMAL', 'PNEUMONIA'])[1 + (truth + slip) % 3], top,
        (ARRAY['COVID19', 'NORMAL', 'PNEUMONIA'])[1 + (truth + slip + 1) % 3], (1 - top) * 0.7,
        (ARRAY['COVID19', 'NORMAL', 'PNEUMONIA'])[1 + (truth + slip + 2) % 3], (1 - top) * 0.3
    ), i.id, at + (3 + 9 * random() + CASE WHEN random() < 0.06 THEN 60 ELSE 0 END) * interval '1 s'
FROM studies AS s JOIN day_of_study ON study_instance_uid = '2.25.' || n
JOIN instances AS i ON i.digest = study_instance_uid, model_versions AS m ORDER BY n;
INSERT INTO findings_instances (findings_id, instance_id) SELECT id, analysed_instance_id FROM findings;
INSERT INTO deliveries (findings_id, peer, created_at, accepted_at, dimse_status)
SELECT id, 'archive', created_at, created_at + (1 + 4 * random()) * interval '1 s', 0 FROM findings ORDER BY id;
INSERT INTO report_messages (sender, control_id, digest, unknown, ambiguous) VALUES ('RIS|H', 'M', 'd', 7, 2);
INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id, reported_at, received_at)
SELECT s.id, 'ris', CASE WHEN truth = 0 THEN 'present' WHEN n % 5 = 0 THEN 'not-said' ELSE 'absent' END,
    CASE WHEN truth = 2 THEN 'present' WHEN n % 7 = 0 THEN 'not-said' ELSE 'absent' END,
    CASE WHEN truth = 1 THEN 'present' ELSE 'absent' END, 'code', m.id, at + interval '1 h', at + interval '1 h'
FROM studies AS s JOIN day_of_study ON study_instance_uid = '2.25.' || n, report_messages AS m
WHERE n % 3 = 0 AND at < now() - interval '2 h';
"""
_DAY = """
INSERT INTO jobs (kind, lane, subject_id, state, created_at, settled_at)
SELECT 'classify', 'classify', id, 'done', received_at, now() - id % 50 * interval '1 min'
FROM studies WHERE id > 4150;
INSERT INTO jobs (kind, lane, subject_id, state, created_at, settled_at)
SELECT 'deliver', 'deliver:archive', id, 'done', created_at, now() - id % 55 * interval '1 min'
FROM deliveries WHERE id BETWEEN 4152 AND 4200;
INSERT INTO jobs (kind, lane, subject_id, run_after) SELECT 'classify', 'classify', n, now() - n * interval '2 s'
FROM generate_series(1, 6) AS n;
INSERT INTO jobs (kind, lane, subject_id, state, attempts, leased_by, lease_token, lease_until)
SELECT 'classify', 'classify', 100 + n, 'leased', 1, 'reader-1:' || 4711 + n / 3, gen_random_uuid(),
    now() + interval '24 s' FROM generate_series(0, 4) AS n;
INSERT INTO deliveries (findings_id, peer, object, created_at, accepted_at, dimse_status)
SELECT id, 'portal', 'document', now() - (4201 - id) * interval '2 min',
    CASE WHEN id <= 4188 THEN now() - interval '48 min' END, CASE WHEN id <= 4188 THEN 0 END
FROM findings WHERE id > 4180 ORDER BY id;
INSERT INTO jobs (kind, lane, subject_id, run_after)
SELECT 'deliver', 'deliver:portal', id, now() - interval '4 min' FROM deliveries WHERE id > 4210;
INSERT INTO jobs (kind, lane, subject_id, state, attempts, leased_by, lease_token, lease_until) VALUES
    ('deliver', 'deliver:portal', 4209, 'leased', 5, 'reader-1:4719', gen_random_uuid(), now() + interval '20 s'),
    ('deliver', 'deliver:portal', 4210, 'leased', 1, 'reader-1:4719', gen_random_uuid(), now() + interval '25 s'),
    ('classify', 'classify', 3977, 'leased', 3, 'reader-1:4720', gen_random_uuid(), now() + interval '29 s');
UPDATE jobs SET state = 'held', lease_token = NULL, leased_by = NULL, lease_until = NULL,
    settled_at = now() - interval '8 min',
    reason = 'the peer refused the structured report: out of resources (0xA700); it said: not today',
    reason_class = 'permanent' WHERE attempts = 5;
UPDATE jobs SET state = 'held', lease_token = NULL, leased_by = NULL, lease_until = NULL,
    settled_at = now() - interval '31 min',
    reason = 'decoding a film ended its process (signal 11)', reason_class = 'crashed' WHERE attempts = 3;
INSERT INTO pauses (lane, actor, reason, since)
VALUES ('deliver:portal', 'olga', 'portal is updated until noon', now() - interval '26 min');
INSERT INTO duties (name, runs, failures, last_started_at, last_finished_at, last_seconds, last_count)
SELECT name, 412, 0, now() - interval '9 s', now() - interval '9 s', 0.02, 0 FROM unnest(ARRAY['quiet-sweep',
    'lease-reaper', 'aging', 'fallback', 'escalation', 'worklist', 'stuck', 'retention', 'statistics']) AS name;
INSERT INTO duties (name, runs, failures, last_started_at, last_finished_at, last_seconds, last_count, last_error)
VALUES ('disk-watermark', 412, 0, now() - interval '20 s', now(), 0.01, 182400, NULL),
    ('reconcile', 30, 2, now() - interval '3 h', now() - interval '3 h', 4.1, NULL, 'the store can''t be read'),
    ('archive-check', 12, 0, now() - interval '9 h', now() - interval '9 h', 31, 0, NULL);
"""
# A shadow for the last five weeks, better than the active network, but for the films of WARD-CR; and three replays.
_SHADOW = """
INSERT INTO model_versions (name, version, sha256, undetermined_below, covid19_from)
VALUES ('ward7-chest', '1.1.0', repeat('0b2c77aa', 8), 0.5, 0.6);
CREATE TEMP TABLE day_of_shadow AS
SELECT n, draw < 0.04 AS is_unsure,
    truth + (draw > CASE WHEN slip > 0 THEN 0.5 WHEN sender = 'WARD-CR' THEN 0.88 ELSE 0.96 END)::int AS named,
    CASE WHEN draw < 0.04 THEN 0.4 + 0.09 * random() ELSE 0.6 + 0.38 * sqrt(random()) END AS top,
    extract(hour FROM at) = 9 AND n % 3 = 0 AS is_skipped
FROM (SELECT *, random() AS draw FROM day_of_study WHERE at > now() - interval '35 days' AND n < 4196) AS lately;
INSERT INTO shadow_findings (findings_id, model_version_id, outcome, label, probabilities, seconds, created_at)
SELECT f.id, m.id, CASE WHEN is_skipped THEN 'skipped' WHEN is_unsure THEN 'undetermined' ELSE 'classified' END,
    CASE WHEN NOT is_skipped AND NOT is_unsure THEN classes.label[1 + named % 3] END,
    CASE WHEN NOT is_skipped THEN jsonb_build_object(classes.label[1 + named % 3], d.top,
        classes.label[1 + (named + 1) % 3], (1 - d.top) * 0.6, classes.label[1 + (named + 2) % 3], (1 - d.top) * 0.4)
    END,
    CASE WHEN NOT is_skipped THEN 1.4 + random() END, f.created_at + interval '40 s'
FROM day_of_shadow AS d JOIN studies AS s ON s.study_instance_uid = '2.25.' || n JOIN findings AS f ON f.study_id = s.id
JOIN model_versions AS m ON m.name = 'ward7-chest', (SELECT ARRAY['COVID19', 'NORMAL', 'PNEUMONIA'] AS label) AS classes
ORDER BY f.id;
INSERT INTO jobs (kind, lane, subject_id, max_attempts)
SELECT 'shadow', 'shadow:ward7-chest-1.1.0', id, 5 FROM findings WHERE id > 4197;
INSERT INTO jobs (kind, lane, subject_id, max_attempts, state, attempts, settled_at, reason, reason_class)
SELECT 'shadow', 'shadow:ward7-chest-1.1.0', id, 5, 'held', 5, now() - interval '1 h',
    'the shadow took longer than 20 s (given up after 5 tries)', 'crashed' FROM findings WHERE id = 4196;
INSERT INTO replays (candidate, candidate_sha256, active, active_sha256, first, last, studies, decision, actor,
    created_at, figures)
SELECT 'ward7-chest-' || version, repeat('0b2c77aa', 8), 'chest-efficientnet-lite0-0.3.0', repeat('ab', 32),
    now() - ago - interval '84 days', now() - ago, studies, decision, 'olga', now() - ago, jsonb_build_object('targets',
        jsonb_build_object('COVID19', covid19::jsonb, 'PNEUMONIA', pneumonia::jsonb))
FROM (VALUES
    ('1.0.0', interval '63 days', 407, 'not-enough',
        '{"decision": "not-enough", "present": 31, "absent": 290, "difference": 0.032, "interval": null}',
        '{"decision": "passed", "present": 84, "absent": 276, "difference": 0.024, "interval": [-0.048, 0.095]}'),
    ('1.0.0', interval '49 days', 846, 'failed',
        '{"decision": "passed", "present": 96, "absent": 604, "difference": 0.01, "interval": [-0.042, 0.063]}',
        '{"decision": "failed", "present": 183, "absent": 571, "difference": -0.055, "interval": [-0.11, 0.0]}'),
    ('1.1.0', interval '36 days', 1204, 'passed',
        '{"decision": "passed", "present": 140, "absent": 851, "difference": 0.021, "interval": [-0.022, 0.064]}',
        '{"decision": "passed", "present": 264, "absent": 802, "difference": 0.064, "interval": [0.006, 0.123]}')
) AS past (version, ago, studies, decision, covid19, pneumonia);
"""


def make_busy_weeks(engine: Engine) -> None:
    """Fill an empty database; the same each time but for the time of day."""
    with transaction(engine) as connection:
        connection.execute(text("SELECT setseed(0.25)"))
        for statement in (_WEEKS, _DAY, _SHADOW):
            connection.exec_driver_sql(statement.replace("%", "%%"))
