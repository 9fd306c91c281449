"""Two networks on the same studies, from known rows of the real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from db.trials import last_replay, pairs, record, reported
from domain.agreement import Scanner
from domain.findings import Label, ModelVersion
from domain.pairs import PairedNetworks
from domain.report_phrases import Statement
from domain.trial import Decision, judged
from tests.conftest import migrated
from tests.fakes import MODEL
from tests.made_studies import MadeStudies

FIRST, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MORNING = datetime(2026, 10, 30, 8, tzinfo=UTC)


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """An engine for a database with Hilum's tables: what is asked here is asked of both servers elsewhere."""
    with migrated(embedded_url) as engine:
        yield engine


@pytest.fixture
def made(engine: Engine) -> MadeStudies:
    """No study yet."""
    return MadeStudies(engine)


def test_a_pair_is_what_both_say_and_what_was_reported(engine: Engine, made: MadeStudies) -> None:
    """With the scanner, and the networks by name."""
    study = made.study(MORNING)
    made.shadow(made.result(study, MORNING))
    made.report(study[0], MORNING, covid19="present")
    found = pairs(engine, FIRST, END)
    assert found is not None
    networks, ((pair,), scored) = found
    assert networks == PairedNetworks(
        active="chest-1.0.0", active_sha256="1.0.0", shadow="chest-2.0.0", shadow_sha256="2", others=0
    )
    assert (pair.scanner, pair.studies) == (Scanner(ae_title="XRAY1", station="ROOM1"), 1)
    assert (pair.active, pair.shadow, pair.said[Label.COVID19]) == ("COVID19", "NORMAL", Statement.PRESENT)
    assert pair.gaps[Label.NORMAL] == (1, pytest.approx(0.74), pytest.approx(0.74**2))
    assert {(one.is_shadow, one.is_last, one.bins) for one in scored} == {
        (False, True, (9, 0, 0)),
        (True, True, (1, 8, 1)),
    }


def test_what_was_skipped_is_a_pair_without_a_shadow(engine: Engine, made: MadeStudies) -> None:
    """Nor with scores; and nothing was reported of it."""
    for outcome in ("classified", "skipped"):
        made.shadow(made.result(made.study(MORNING - timedelta(days=9)), MORNING - timedelta(days=9)), outcome)
    found = pairs(engine, FIRST, END)
    assert found is not None
    (other,) = (one for one in found[1].alike if one.shadow is None)
    assert (other.studies, other.said, other.gaps) == (1, {}, {})
    assert {(one.is_shadow, one.studies, one.is_last) for one in found[1].scored} == {
        (False, 1, False),
        (True, 1, False),
    }


def test_studies_of_which_all_say_the_same_are_counted_together(engine: Engine, made: MadeStudies) -> None:
    """Those of another sender apart; 1 lies in the uppermost tenth; the sums of all are those of the studies."""
    for sender, scores in (("XRAY1", (1.0, 0.0, 0.0)), ("XRAY1", (0.7, 0.2, 0.1)), ("XRAY2", (1.0, 0.0, 0.0))):
        made.shadow(made.result(made.study(MORNING, sender=sender), MORNING, scores=scores))
    found = pairs(engine, FIRST, END)
    assert found is not None
    first, second = sorted(found[1].alike, key=lambda one: one.scanner)
    assert (first.studies, second.studies) == (2, 1)
    assert first.gaps[Label.COVID19] == (2, pytest.approx(-1.5), pytest.approx(0.81 + 0.36))
    active = {one.bins for one in found[1].scored if not one.is_shadow and one.scanner == second.scanner}
    assert active == {(9, 0, 0)}


def test_what_could_not_be_processed_has_no_scores(engine: Engine, made: MadeStudies) -> None:
    """The word says so."""
    result = made.result(made.study(MORNING), MORNING)
    made.shadow(result)
    made.run("""
        UPDATE shadow_findings SET outcome = 'could-not-process', label = NULL, probabilities = NULL,
            unsuitable = 'not-frontal'
    """)
    found = pairs(engine, FIRST, END)
    assert found is not None
    (pair,) = found[1].alike
    assert (pair.shadow, pair.gaps, [one.is_shadow for one in found[1].scored]) == ("could-not-process", {}, [False])


def test_of_a_study_the_last_result_counts_and_of_networks_the_last_ones(engine: Engine, made: MadeStudies) -> None:
    """What others said is left out and counted."""
    study = made.study(MORNING)
    made.shadow(made.result(study, MORNING, version="0.9.0"))
    made.shadow(made.result(study, MORNING + timedelta(minutes=1)))
    made.shadow(made.result(study, MORNING + timedelta(minutes=2), label="NORMAL"))
    found = pairs(engine, FIRST, END)
    assert found is not None
    (pair,) = found[1].alike
    assert (pair.active, found[0].others) == ("NORMAL", 1)


def test_without_a_shadow_there_are_no_pairs(engine: Engine, made: MadeStudies) -> None:
    """Nor in other days."""
    assert pairs(engine, FIRST, END) is None
    made.shadow(made.result(made.study(END), END))
    assert pairs(engine, FIRST, END) is None


def test_reported_studies_come_with_what_was_said(engine: Engine, made: MadeStudies) -> None:
    """The last ones first, of the window alone, at most so many."""
    studies = [made.study(MORNING)[0] for _ in range(4)]
    for number, study in enumerate(studies[:3]):
        made.report(study, MORNING + timedelta(minutes=number), pneumonia="present")
    made.report(studies[3], END)
    found = reported(engine, FIRST, END, most=None)
    assert [one.study for one in found] == studies[2::-1]
    assert found[0].said == {
        Label.COVID19: Statement.ABSENT,
        Label.NORMAL: Statement.ABSENT,
        Label.PNEUMONIA: Statement.PRESENT,
    }
    assert [one.study for one in reported(engine, FIRST, END, most=1)] == studies[2:3]


def test_the_last_replay_of_a_network_is_the_one_that_counts(engine: Engine, made: MadeStudies) -> None:
    """By its SHA-256, not by its name."""
    active = ModelVersion(name="chest", version="1.0.0", sha256="1.0.0")
    for decision in ("passed", "not-enough"):
        record(engine, (MODEL, active), judged([], MODEL), window=(FIRST, END), actor="me")
        made.run("UPDATE replays SET decision = :to WHERE id = (SELECT max(id) FROM replays)", to=decision)
    last = last_replay(engine, MODEL.sha256)
    assert last is not None
    assert (last.decision, last.active, last.active_sha256) == (Decision.NOT_ENOUGH, "chest-1.0.0", "1.0.0")
    assert last_replay(engine, "00" * 32) is None


def test_the_figures_of_a_replay_are_kept(engine: Engine, made: MadeStudies) -> None:
    """With who asked for it, and beside which network."""
    record(engine, (MODEL, MODEL), judged([], MODEL, minimum=7), window=(FIRST, END), actor="me")
    assert made.run("SELECT figures -> 'minimum' FROM replays WHERE actor = 'me' AND decision = 'not-enough'") == 7
    assert made.run("SELECT figures -> 'targets' -> 'COVID19' ->> 'decision' FROM replays") == "not-enough"
