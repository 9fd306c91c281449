"""Networks on trial at a glance, from known rows of the real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from db.trial_board import trial_board
from db.trials import record
from domain.findings import Label
from domain.trial import Decision, judged
from domain.trial_board import ShadowWork
from tests.conftest import migrated
from tests.fakes import MODEL
from tests.made_studies import MadeStudies

FIRST, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MORNING = datetime(2026, 10, 30, 8, tzinfo=UTC)


@pytest.fixture
def made(embedded_url: str) -> Iterator[MadeStudies]:
    """No study yet, in a database of its own: what is asked here is asked of both servers elsewhere."""
    with migrated(embedded_url) as engine:
        yield MadeStudies(engine)


@pytest.fixture
def engine(made: MadeStudies) -> Engine:
    """The engine of that database."""
    return made.engine


def test_where_nothing_is_on_trial_the_board_is_empty(engine: Engine, made: MadeStudies) -> None:
    """Whatever the active network does, and whichever jobs of other kinds are held."""
    made.result(made.study(MORNING), MORNING)
    made.run("""
        INSERT INTO jobs (kind, lane, subject_id, state, settled_at, reason, reason_class)
        VALUES ('deliver', 'deliver:pacs', 1, 'held', now(), 'no', 'permanent')
    """)
    assert trial_board(engine, FIRST, END).is_empty


def test_each_source_has_its_figures_and_all_come_last(engine: Engine, made: MadeStudies) -> None:
    """As of `hilum models compare`."""
    for sender in ("XRAY1", "XRAY1", "XRAY2"):
        made.shadow(made.result(made.study(MORNING, sender=sender), MORNING, label="NORMAL", scores=(0.0, 1.0, 0.0)))
    board = trial_board(engine, FIRST, END)
    assert board.networks is not None
    assert [(one.title, one.studies, one.agreement.count) for one in board.sources] == [
        ("XRAY1 ROOM1", 2, 2),
        ("XRAY2 ROOM1", 1, 1),
        ("All", 3, 3),
    ]
    assert board.sources[-1].shadow_scores[Label.NORMAL] == (0,) * 8 + (3, 0)


def test_what_waits_is_held_or_was_skipped_is_counted(engine: Engine, made: MadeStudies) -> None:
    """Of each shadow; what was skipped in other days is not, nor what is done."""
    for at in (MORNING, MORNING, END + timedelta(days=1)):
        made.shadow(made.result(made.study(at), at), "skipped")
    made.run("""
        INSERT INTO jobs (kind, lane, subject_id, max_attempts, state, attempts, leased_by, lease_token, lease_until,
            settled_at, reason, reason_class)
        VALUES ('shadow', 'shadow:chest-2.0.0', 1, 5, 'waiting', 0, NULL, NULL, NULL, NULL, NULL, NULL),
            ('shadow', 'shadow:chest-2.0.0', 2, 5, 'leased', 1, 'w', gen_random_uuid(), now(), NULL, NULL, NULL),
            ('shadow', 'shadow:chest-2.0.0', 3, 5, 'done', 1, NULL, NULL, NULL, now(), NULL, NULL),
            ('shadow', 'shadow:old-1.0.0', 4, 5, 'held', 5, NULL, NULL, NULL, now(), 'no', 'permanent')
    """)
    board = trial_board(engine, FIRST, END)
    assert board.networks is None  # it has said nothing yet
    assert board.work == (
        ShadowWork(network="chest-2.0.0", waiting=2, held=0, skipped=2),
        ShadowWork(network="old-1.0.0", waiting=0, held=1, skipped=0),
    )


def test_the_last_five_replays_are_shown_the_newest_first(engine: Engine, made: MadeStudies) -> None:
    """With what they found of each disease, as it was recorded."""
    for number in range(6):
        record(engine, (MODEL, MODEL), judged([], MODEL), window=(FIRST, END + timedelta(days=number)), actor="me")
    made.run("""
        UPDATE replays SET decision = 'passed',
            figures = jsonb_set(figures, '{targets,COVID19,interval}', '[-0.01, 0.02]') WHERE id = 6
    """)
    replays = trial_board(engine, FIRST, END).replays
    assert [one.last.day for one in replays] == [6, 5, 4, 3, 2]
    assert (replays[0].decision, replays[1].decision) == (Decision.PASSED, Decision.NOT_ENOUGH)
    covid19 = replays[0].targets[Label.COVID19]
    assert (covid19.interval, covid19.difference, covid19.present) == ((-0.01, 0.02), None, 0)
