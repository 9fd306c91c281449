"""Figures of quality, from known rows of the real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from db.quality import _RELIABILITY, _SCORES, _TIMES, _VOLUMES, PostgresQuality
from domain.agreement import Share
from domain.findings import Label
from domain.quality import NetworkName, Reading, Reliability, Times, Volume, drift
from tests.contract.test_growth import explained
from tests.made_studies import MadeStudies

FIRST, END = datetime(2026, 8, 31, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
"""Twelve weeks; both days are Mondays."""
MORNING = datetime(2026, 11, 17, 8, tzinfo=UTC)
"""In the last week."""


@pytest.fixture
def made(engine: Engine) -> MadeStudies:
    """No study yet."""
    return MadeStudies(engine)


@pytest.fixture
def book(engine: Engine) -> PostgresQuality:
    """The figures."""
    return PostgresQuality(engine)


def test_scores_are_counted_by_sender_week_and_tenth(made: MadeStudies, book: PostgresQuality) -> None:
    """1 lies in the uppermost tenth; what was before the last seven days is told apart."""
    made.result_of("XRAY1", MORNING, scores=(1.0, 0.0, 0.0))
    made.result_of("XRAY1", MORNING, scores=(0.95, 0.05, 0.0))
    made.result_of("XRAY2", MORNING - timedelta(days=7), scores=(0.1, 0.25, 0.65), label="PNEUMONIA")
    found = {(one.sender, one.week, one.label, one.is_last): one.counts for one in book.scores(FIRST, END)}
    assert len(found) == 6
    assert found["XRAY1", "2026-W47", Label.COVID19, True] == (0,) * 9 + (2,)
    assert found["XRAY1", "2026-W47", Label.PNEUMONIA, True] == (2,) + (0,) * 9
    assert found["XRAY2", "2026-W46", Label.PNEUMONIA, False] == (0,) * 6 + (1,) + (0,) * 3


@pytest.mark.parametrize("at", [FIRST - timedelta(seconds=11), END])
def test_what_lies_beside_the_window_does_not_count(made: MadeStudies, book: PostgresQuality, at: datetime) -> None:
    """To the second."""
    study = made.result_of("XRAY1", at)
    made.report(study, at)
    assert (book.scores(FIRST, END), book.volumes(FIRST, END), book.times(FIRST, END)) == ((), (), ())
    assert (book.reliability(FIRST, END), book.network(FIRST, END)) == ((), None)


def test_scores_are_those_of_the_network_of_today(made: MadeStudies, book: PostgresQuality) -> None:
    """A new network scores in another way; that is no drift."""
    made.result_of("XRAY1", MORNING - timedelta(days=30), version="1.0.0")
    made.result_of("XRAY1", MORNING, version="1.1.0")
    assert book.network(FIRST, END) == NetworkName(name="chest", version="1.1.0", others=1)
    assert {one.week for one in book.scores(FIRST, END)} == {"2026-W47"}


def test_drift_of_a_scanner_whose_films_became_others_is_clear(made: MadeStudies, book: PostgresQuality) -> None:
    """And of one that stayed the same there is none."""
    for number in range(60):
        at = MORNING - timedelta(days=14 if number < 30 else 0, seconds=number)
        made.result_of("SAME", at, scores=(0.05, 0.9, 0.05), label="NORMAL")
        changed = (0.05, 0.9, 0.05) if number < 30 else (0.1, 0.3, 0.6)
        made.result_of("OTHER", at, scores=changed, label="NORMAL")
    other, same = drift(book.scores(FIRST, END))
    assert (other.sender, other.last, other.before, other.reading) == ("OTHER", 30, 30, Reading.CLEAR)
    assert (same.worst, same.reading) == (0.0, Reading.CHANCE)


def test_reliability_sets_the_named_class_beside_what_readers_saw(made: MadeStudies, book: PostgresQuality) -> None:
    """Where they spoke of it."""
    for score, said in ((0.91, "present"), (0.95, "absent"), (0.99, "not-said"), (0.61, "present")):
        study = made.result_of("XRAY1", MORNING, scores=(score, 1 - score, 0.0))
        made.report(study, MORNING + timedelta(hours=1), covid19=said)
    low, high = book.reliability(FIRST, END)
    assert low == Reliability(label=Label.COVID19, bin=6, mean=0.61, seen=Share(count=1, of=1))
    assert (high.bin, round(high.mean, 2), high.seen) == (9, 0.93, Share(count=1, of=2))


def test_a_result_that_came_after_the_report_is_not_beside_it(made: MadeStudies, book: PostgresQuality) -> None:
    """Nor one that names no class."""
    study = made.result_of("XRAY1", MORNING)
    made.report(study, MORNING, covid19="present")
    undetermined = made.result_of("XRAY1", MORNING, label=None)
    made.report(undetermined, MORNING + timedelta(hours=1), covid19="present")
    assert book.reliability(FIRST, END) == ()


def test_volumes_are_studies_and_films_of_a_day(made: MadeStudies, book: PostgresQuality) -> None:
    """By sender, in UTC."""
    for hours in (0, 1, 20):
        made.study(MORNING + timedelta(hours=hours))
    made.study(MORNING, sender="XRAY2")
    day, other, next_day = book.volumes(FIRST, END)
    assert day == Volume(day=date(2026, 11, 17), sender="XRAY1", studies=2, films=2)
    assert (other.sender, other.studies) == ("XRAY2", 1)
    assert (next_day.day, next_day.studies) == (date(2026, 11, 18), 1)


def test_times_count_from_the_last_film(made: MadeStudies, book: PostgresQuality) -> None:
    """Median and 95th percentile to the result, and to what was accepted."""
    for seconds in (10, 20, 30):
        of = made.study(MORNING)
        result = made.result(of, MORNING + timedelta(seconds=seconds))
        accepted = MORNING + timedelta(seconds=100) if seconds == 30 else None
        made.delivery(result, MORNING, accepted=accepted)
    assert book.times(FIRST, END) == (
        Times(
            day=date(2026, 11, 17),
            results=3,
            result_median=20.0,
            result_p95=29.0,
            deliveries=1,
            delivery_median=100.0,
            delivery_p95=100.0,
        ),
    )


def test_a_window_of_weeks_does_not_read_all_results(made: MadeStudies, book: PostgresQuality) -> None:
    """Among a hundred thousand studies of four years, by the indexes of their times."""
    made.result_of("XRAY1", datetime(2022, 1, 1, tzinfo=UTC))
    made.run("""
        INSERT INTO studies (study_instance_uid, received_at)
        SELECT 'n' || n, timestamptz '2026-11-23' - (100000 - n) * interval '21 min'
        FROM generate_series(1, 100000) AS n;
        INSERT INTO series (study_id, series_instance_uid, modality)
        SELECT id, 's', 'DX' FROM studies WHERE study_instance_uid LIKE 'n%' ORDER BY id;
        INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes,
            path, calling_ae_title, received_at)
        SELECT se.id, 'i' || se.id, '1', '1', 'd', 1, 'p', 'XRAY' || se.id % 5, st.received_at
        FROM series AS se JOIN studies AS st ON st.id = se.study_id WHERE se.series_instance_uid = 's' ORDER BY se.id;
        INSERT INTO findings (study_id, model_version_id, input_digest, outcome, label, probabilities,
            analysed_instance_id, created_at)
        SELECT se.study_id, m.id, 'd', 'classified', 'NORMAL', '{"COVID19": 0.1, "NORMAL": 0.8, "PNEUMONIA": 0.1}',
            i.id, i.received_at + interval '9 s'
        FROM instances AS i JOIN series AS se ON se.id = i.series_id, model_versions AS m
        WHERE i.digest = 'd' ORDER BY i.id;
        INSERT INTO findings_instances (findings_id, instance_id)
        SELECT id, analysed_instance_id FROM findings WHERE input_digest = 'd';
        INSERT INTO deliveries (findings_id, peer, created_at, accepted_at, dimse_status)
        SELECT id, 'pacs', created_at, created_at + interval '1 s', 0 FROM findings;
    """)
    made.run("ANALYZE")
    window = {"first": END - timedelta(weeks=4), "end": END}
    for statement, index in ((_SCORES, "findings_made"), (_VOLUMES, "instances_received"), (_TIMES, "findings_made")):
        read, pages = explained(made.engine, statement.text, **window)
        assert index in read
        assert "all of findings" not in read
        assert pages < 20_000
    read, _ = explained(made.engine, _RELIABILITY.text, **window)
    assert "all of findings" not in read
    assert sum(one.studies for one in book.volumes(window["first"], window["end"])) == 4 * 7 * 24 * 60 // 21
