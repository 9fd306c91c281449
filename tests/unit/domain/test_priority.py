"""How urgent a study is, by rules."""

from __future__ import annotations

import pytest

from domain.priority import Order, Priority, PriorityRule, priority_of

ER = PriorityRule(priority=Priority.STAT, location="emergency*")
ASKED = PriorityRule(priority=Priority.HIGH, requested_priority="STAT")
BUS = PriorityRule(priority=Priority.LOW, calling_ae_title="SCREENING")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(calling_ae_title="XRAY1"), Priority.ROUTINE),
        (Order(calling_ae_title="XRAY1", locations=("Ward 3", "Emergency room")), Priority.STAT),
        (Order(calling_ae_title="XRAY1", requested_priority="stat"), Priority.HIGH),
        (Order(calling_ae_title="SCREENING", requested_priority="STAT"), Priority.HIGH),
        (Order(calling_ae_title="SCREENING", requested_priority="HIGH"), Priority.LOW),
    ],
)
def test_the_first_rule_that_applies_decides(order: Order, expected: Priority) -> None:
    """And without one a study is routine."""
    assert priority_of(order, [ER, ASKED, BUS]) is expected


def test_all_conditions_of_a_rule_must_be_met() -> None:
    """Sender and location together."""
    rule = PriorityRule(priority=Priority.STAT, calling_ae_title="XRAY1", location="ICU?")
    assert rule.applies_to(Order(calling_ae_title="XRAY1", locations=("icu2",)))
    assert not rule.applies_to(Order(calling_ae_title="XRAY2", locations=("icu2",)))
    assert not rule.applies_to(Order(calling_ae_title="XRAY1", locations=("icu",)))


def test_only_some_rules_need_the_header() -> None:
    """The node reads no more of a film than it must."""
    assert [rule.reads_header for rule in (ER, ASKED, BUS)] == [True, True, False]
