"""Agreement of persons and the network: every study in one count, shares with what they are of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agreement import Comparison, GroupAgreement, Grouping, Scanner, TargetAgreement, agreement
from domain.findings import Label, Outcome
from domain.report_phrases import Statement

ROOM_1, ROOM_2 = Scanner(ae_title="XRAY1", station="S1"), Scanner(ae_title="XRAY2", station="")
P, A, U, N = Statement.PRESENT, Statement.ABSENT, Statement.UNDETERMINED, Statement.NOT_SAID


def compared(
    said: Statement,
    label: Label | None,
    studies: int = 1,
    *,
    scanner: Scanner = ROOM_1,
    week: str = "2026-W01",
    outcome: Outcome | None = Outcome.CLASSIFIED,
) -> Comparison:
    """Return studies of which something is said of PNEUMONIA, and nothing of COVID19."""
    statements = {Label.COVID19: N, Label.NORMAL: N, Label.PNEUMONIA: said}
    return Comparison(scanner=scanner, week=week, said=statements, outcome=outcome, label=label, studies=studies)


def pneumonia(*comparisons: Comparison) -> TargetAgreement:
    return agreement(comparisons, Grouping.BOTH)[-1].targets[Label.PNEUMONIA]


def test_shares_are_those_of_a_table_worked_by_hand() -> None:
    """8 both, 2 network only, 2 reader only, 88 neither."""
    found = pneumonia(
        compared(P, Label.PNEUMONIA, 8),
        compared(A, Label.PNEUMONIA, 2),
        compared(P, Label.NORMAL),
        compared(P, Label.COVID19),
        compared(A, Label.NORMAL, 88),
    )
    assert (found.true_positive, found.false_positive, found.false_negative, found.true_negative) == (8, 2, 2, 88)
    assert (found.sensitivity.value, found.ppv.value, found.agreement.value) == (0.8, 0.8, 0.96)
    assert found.sensitivity.wilson_95 == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_what_is_not_said_is_not_absent() -> None:
    """It is in no share, and counted beside: what the network named of it, and what it did not."""
    found = pneumonia(compared(N, Label.PNEUMONIA, 3), compared(N, Label.NORMAL, 5), compared(N, None, 2))
    assert (found.not_said_positive, found.not_said_other) == (3, 7)
    assert (found.sensitivity.of, found.ppv.of, found.agreement.of) == (0, 0, 0)
    assert found.ppv.value is None
    assert found.ppv.wilson_95 is None


def test_a_network_without_an_answer_is_counted_beside() -> None:
    """Undetermined, not processed, no result: what the reader saw there is not lost."""
    members = [
        compared(P, None, 2, outcome=Outcome.UNDETERMINED),
        compared(P, None, outcome=Outcome.COULD_NOT_PROCESS),
        compared(A, None, 4, outcome=None),
        compared(U, Label.PNEUMONIA),
    ]
    group = agreement(members, Grouping.BOTH)[-1]
    found = group.targets[Label.PNEUMONIA]
    assert (group.studies, group.undetermined, group.not_processed, group.no_result) == (8, 2, 1, 4)
    assert (found.present_without_answer, found.absent_without_answer, found.reader_undetermined) == (3, 4, 1)


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        (Grouping.SCANNER, [(ROOM_1, None, 3), (ROOM_2, None, 4), (None, None, 7)]),
        (Grouping.WEEK, [(None, "2026-W01", 5), (None, "2026-W02", 2), (None, None, 7)]),
        (
            Grouping.BOTH,
            [(ROOM_1, "2026-W01", 1), (ROOM_1, "2026-W02", 2), (ROOM_2, "2026-W01", 4), (None, None, 7)],
        ),
    ],
)
def test_studies_are_put_together_by_scanner_and_week(
    grouping: Grouping, expected: list[tuple[Scanner | None, str | None, int]]
) -> None:
    """In order, and last all of them."""
    members = [
        compared(P, Label.PNEUMONIA, 4, scanner=ROOM_2),
        compared(P, Label.PNEUMONIA, 2, week="2026-W02"),
        compared(P, Label.PNEUMONIA),
    ]
    assert [(one.scanner, one.week, one.studies) for one in agreement(members, grouping)] == expected


def test_of_nothing_there_is_an_empty_group() -> None:
    """Of all; so that a program finds its keys."""
    (everything,) = agreement([], Grouping.BOTH)
    assert everything.studies == 0
    assert everything.targets[Label.COVID19] == TargetAgreement()


COMPARISONS = st.builds(
    compared,
    st.sampled_from(Statement),
    st.sampled_from([None, *Label]),
    st.integers(1, 5),
    scanner=st.sampled_from([ROOM_1, ROOM_2]),
    week=st.sampled_from(["2026-W01", "2026-W02"]),
)


@given(st.lists(COMPARISONS, max_size=20), st.sampled_from(Grouping))
def test_every_study_is_in_one_count_of_each_disease(members: list[Comparison], grouping: Grouping) -> None:
    """However they are put together."""

    def counted(group: GroupAgreement, target: Label) -> int:
        found = group.targets[target]
        return sum(getattr(found, name) for name in TargetAgreement.__dataclass_fields__)

    *groups, everything = agreement(members, grouping)
    assert sum(group.studies for group in groups) == everything.studies == sum(one.studies for one in members)
    assert all(counted(group, target) == group.studies for group in groups for target in group.targets)
