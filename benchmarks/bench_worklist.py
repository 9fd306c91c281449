"""How long does a page of the radiologists' list take, with many studies in the database?

The server is the embedded one. Studies, films, findings, identities, jobs and items of the worklist are written by SQL,
shaped as Hilum would leave them: a tenth positive, a few undetermined or unsuitable, some jobs open or held, half of
the studies read. Each query is run so many times, in turns; what is told is the median and the 95th percentile in
milliseconds, of the whole call: SQL, transport and the objects made of it. `--explain` prints the plans as well.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import event, text

from db.engine import transaction
from db.reading_list import PostgresReadingList
from domain.findings import Verdict
from domain.ids import StudyId
from domain.reading_list import ReadingOrder, ReadingQuery, ReadingState
from domain.worklist import StepPriority
from tests.conftest import embedded_server, migrated

if TYPE_CHECKING:
    from sqlalchemy import Engine

_AT_MOST = 50
_FILL = """
INSERT INTO studies (study_instance_uid, received_at, last_received_at, priority)
SELECT '2.25.' || n, now() - n * interval '90 s', now() - n * interval '90 s', CASE n % 20 WHEN 0 THEN 0 ELSE 2 END
FROM generate_series(:studies, 1, -1) AS n;
INSERT INTO series (study_id, series_instance_uid, modality) SELECT id, study_instance_uid || '.1', 'DX' FROM studies;
INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, path,
    calling_ae_title)
SELECT id, series_instance_uid || '.1', '1.2', '1.2', md5(id::text), 1, id::text, 'XRAY' || id % 7 FROM series;
INSERT INTO study_identities (study_id, patient_name, patient_id, accession_number, station_name)
SELECT id, 'Family' || md5(id::text) || '^Given' || id % 90, 'P' || id, 'A' || id, 'ROOM' || id % 9 FROM studies;
INSERT INTO model_versions (name, version, sha256, undetermined_below, covid19_from) VALUES ('n', '1', 'ab', 0.5, 0.6);
SELECT tell_readers(array_agg(jsonb_build_object(
    'study', id, 'urgency', priority, 'sender', 'XRAY' || id % 7, 'station', 'ROOM' || id % 9
))) FROM studies GROUP BY id / 64;
UPDATE reading_list SET received_at = studies.received_at FROM studies WHERE studies.id = study_id;
INSERT INTO findings (study_id, model_version_id, input_digest, outcome, label, probabilities, unsuitable,
    analysed_instance_id)
SELECT id, (SELECT id FROM model_versions), 'd',
    CASE WHEN id % 50 = 1 THEN 'undetermined' WHEN id % 50 = 2 THEN 'could-not-process' ELSE 'classified' END,
    CASE WHEN id % 50 IN (1, 2) THEN NULL WHEN id % 10 = 3 THEN 'PNEUMONIA' ELSE 'NORMAL' END,
    CASE WHEN id % 50 <> 2 THEN '{"COVID19": 0.1, "NORMAL": 0.2, "PNEUMONIA": 0.7}'::jsonb END,
    CASE WHEN id % 50 = 2 THEN 'not-frontal' END, NULL
FROM studies WHERE id <= :studies - 200;
INSERT INTO findings_instances (findings_id, instance_id, view)
SELECT f.id, i.id, 'PA' FROM findings AS f JOIN series AS s ON s.study_id = f.study_id
JOIN instances AS i ON i.series_id = s.id;
INSERT INTO jobs (kind, lane, subject_id, state, priority, settled_at, reason)
SELECT 'classify', 'classify', id,
    CASE WHEN id <= :studies - 200 THEN 'done' WHEN id % 20 = 0 THEN 'held' ELSE 'waiting' END, 2,
    CASE WHEN id <= :studies - 200 OR id % 20 = 0 THEN now() END, CASE WHEN id > :studies - 200 THEN 'why' END
FROM studies;
INSERT INTO workitems (uid, study_id, priority, suggested, expires_at)
SELECT '2.25.9' || id, id, 1, 1, now() + interval '1 day' FROM studies;
UPDATE workitems SET state = 'COMPLETED', ended_at = now() WHERE study_id % 2 = 0;
UPDATE workitems SET state = 'IN PROGRESS', transaction_uid = '1', performer = 'READER' WHERE study_id % 1002 = 1;
VACUUM ANALYZE
"""


def queries(studies: int) -> Mapping[str, ReadingQuery]:
    """Return what people ask for, by name."""
    everything = ReadingQuery(only_unread=False)
    return {
        "unread, as suggested": ReadingQuery(),
        "unread, by arrival": ReadingQuery(order=ReadingOrder.ARRIVAL),
        "unread, newest first": ReadingQuery(order=ReadingOrder.NEWEST),
        "all, as suggested": everything,
        "a page in the middle": ReadingQuery(behind=StudyId(studies // 2)),
        "HIGH": ReadingQuery(priority=StepPriority.HIGH),
        "LOW: there is none": ReadingQuery(priority=StepPriority.LOW),
        "undetermined verdict": ReadingQuery(verdict=Verdict.UNDETERMINED),
        **{f"state {state}": ReadingQuery(state=state) for state in ReadingState},
        "a sender": ReadingQuery(place="XRAY3"),
        "a station that is not there": ReadingQuery(place="NOWHERE", only_unread=False),
        "the last day": ReadingQuery(since=date.today() - timedelta(days=1)),  # noqa: DTZ011 - about a day
        "search by a name's beginning": ReadingQuery(search="family1f3", only_unread=False),
        "search by one letter": ReadingQuery(search="f", only_unread=False),
        "search by a patient's ID": ReadingQuery(search=f"p{studies // 2}", only_unread=False),
        "search for nobody": ReadingQuery(search="zzz", only_unread=False),
    }


def fill(engine: Engine, studies: int) -> None:
    """Write the studies."""
    single = engine.execution_options(isolation_level="AUTOCOMMIT")
    with single.connect() as connection:
        for statement in _FILL.split(";\n"):
            connection.execute(text(statement), {"studies": studies} if ":studies" in statement else {})


def explain(engine: Engine, name: str, query: ReadingQuery) -> None:
    """Print the plan of a query's statement."""
    caught: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda *given: caught.append((given[2], given[3])))
    PostgresReadingList(engine, patience=timedelta(minutes=5)).page(query, at_most=_AT_MOST)
    statement, values = next(one for one in caught if "WITH page" in one[0])
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values).scalars()
        print(f"-- {name}", *rows, sep="\n")


def main() -> None:
    """Measure and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--explain", action="store_true")
    arguments = parser.parse_args()
    asked = queries(arguments.studies)
    with embedded_server() as url, migrated(url) as engine:
        fill(engine, arguments.studies)
        readings = PostgresReadingList(engine, patience=timedelta(minutes=5))
        times: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(arguments.runs):
            for name, query in asked.items():
                before = time.perf_counter()
                readings.page(query, at_most=_AT_MOST)
                times[name].append(1000 * (time.perf_counter() - before))
        if arguments.explain:
            for name, query in asked.items():
                explain(engine, name, query)
    figures = {name: (statistics.median(one), statistics.quantiles(one, n=20)[-1]) for name, one in times.items()}
    for name, (middle, high) in figures.items():
        print(f"{name:<30} p50 {middle:6.1f} ms   p95 {high:6.1f} ms")
    print(json.dumps({name: [round(one, 1) for one in pair] for name, pair in figures.items()}))


if __name__ == "__main__":
    main()
