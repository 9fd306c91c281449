"""Checks: done one and all, whatever one of them does; and the letter at the end."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import click
import pytest

from domain.errors import Transient
from hilum.doctor import letter
from hilum.doctor.check import Check, Finding, Outcome, Result, failure, not_applicable, ok, warning, worst
from hilum.doctor.command import choose
from hilum.doctor.examination import examine

RESULTS = [
    Result(name="home", findings=(ok("all is well"),), seconds=0.25),
    Result(name="disk.space", findings=(warning("little room", "make room"), ok("inodes")), seconds=0.0),
]


def check(name: str, *findings: Finding, waits: bool = False) -> Check:
    return Check(name=name, about=name, look=lambda: findings, waits=waits)


def breaking(error: Exception) -> Check:
    def look() -> list[Finding]:
        raise error

    return Check(name="broken", about="it breaks", look=look)


def silent(_: str) -> None:
    """Show nothing."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Transient("the peer is away"), "the peer is away"),
        (PermissionError(13, "Permission denied", "/place"), "/place: Permission denied"),
        (KeyError("DOE^JANE"), "the check broke: KeyError"),
    ],
)
def test_a_check_that_breaks_has_failed_and_the_others_are_done(error: Exception, told: str) -> None:
    """A foreign error is named by its type."""
    broken, other = examine([breaking(error), check("other", ok("well"))], silent)
    assert (broken.outcome, broken.findings[0].seen) == (Outcome.FAILURE, told)
    assert other.outcome is Outcome.OK


def test_a_check_that_hangs_is_left_behind() -> None:
    """After its own time; the others are done."""
    hung = threading.Event()
    hanging = Check(name="hanging", about="it hangs", look=lambda: [ok(str(hung.wait()))], limit_s=0.2)
    late, other = examine([hanging, check("other", ok("well"))], silent)
    hung.set()
    assert (late.outcome, other.outcome) == (Outcome.FAILURE, Outcome.OK)
    assert "no answer within 0.2 s" in late.findings[0].seen


def test_those_that_wait_do_so_together() -> None:
    """Each waits until the other has begun; results come in the order of the checks."""
    together = threading.Barrier(2)
    checks = [
        Check(name=name, about=name, look=lambda: [ok(str(together.wait(20)))], waits=True, limit_s=30)
        for name in ("first", "second")
    ]
    results = examine([checks[0], check("between", ok("well")), checks[1]], silent)
    assert [(one.name, one.outcome) for one in results] == [
        ("first", Outcome.OK),
        ("between", Outcome.OK),
        ("second", Outcome.OK),
    ]


def test_who_is_looked_at_is_told() -> None:
    """For a line on the terminal."""
    told: list[str] = []
    begun = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        begun.set()

    examine([Check(name="slow", about="slow", look=lambda: [ok(str(begun.wait(20)))])], tell)
    assert told[0] == "looking at slow"


def test_the_worst_finding_counts() -> None:
    """What does not apply is no worse than what is well; a check without a finding does not apply."""
    assert worst([Outcome.OK, Outcome.FAILURE, Outcome.WARNING]) is Outcome.FAILURE
    assert worst([Outcome.NOT_APPLICABLE, Outcome.OK]) is Outcome.OK
    assert examine([check("none")], silent)[0].outcome is not_applicable("").outcome


def test_the_letter_says_what_was_seen_and_what_to_do() -> None:
    """A name once, with its seconds; the remedy below."""
    shown = [click.unstyle(line) for line in letter.lines(RESULTS, 1.25)]
    assert [" ".join(line.split()) for line in shown] == [
        "ok home 0.2s all is well",
        "WARNING disk.space 0.0s little room",
        "-> make room",
        "ok inodes",
        "2 checks in 1.2 s: 1 ok, 1 warning, 0 failures, 0 not applicable",
    ]


def test_the_letter_for_programs_has_every_field() -> None:
    """The same names as in the command's help."""
    told = json.loads(
        letter.as_json([*RESULTS, Result(name="x", findings=(failure("s", "r"),), seconds=1)], 2, Path("f"))
    )
    assert set(told) == {"version", "settings", "outcome", "seconds", "checks"}
    assert (told["settings"], told["outcome"]) == ("f", "failure")
    assert told["checks"][1] == {
        "name": "disk.space",
        "outcome": "warning",
        "seconds": 0.0,
        "findings": [
            {"outcome": "warning", "seen": "little room", "remedy": "make room"},
            {"outcome": "ok", "seen": "inodes", "remedy": ""},
        ],
    }


def test_checks_are_chosen_by_name_and_by_kind() -> None:
    """A name that there is not is refused with those that there are."""
    checks = [check(name) for name in ("disk.space", "disk.speed", "diskette", "clock")]
    assert [one.name for one in choose(checks, ["disk"], ["disk.speed"])] == ["disk.space"]
    assert [one.name for one in choose(checks, [], ["disk"])] == ["diskette", "clock"]
    with pytest.raises(click.UsageError, match=r"no check 'disc'.*disk\.space"):
        choose(checks, ["disc"], [])
