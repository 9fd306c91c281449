"""A structured report as lines to read."""

from __future__ import annotations

from domain.report_outline import Line, outline


def code(meaning: str) -> dict[str, object]:
    return {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": [meaning]}}]}


def test_items_come_in_their_order_with_their_depth() -> None:
    """Codes, numbers with units, references and texts, each in words."""
    number = {"0040A30A": {"vr": "DS", "Value": [86.4]}, "004008EA": code("percent")}
    items = [
        {"0040A043": code("Finding"), "0040A168": code("Pneumonia")},
        {"0040A043": code("Certainty"), "0040A300": {"vr": "SQ", "Value": [number]}},
        {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.1"]}}]}},
        {"0040A043": code("Person"), "0040A123": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}},
        {"0040A043": code("Comment"), "0040A160": {"vr": "UT", "Value": ["a text"]}},
    ]
    report = {"0040A043": code("Report"), "0040A730": {"vr": "SQ", "Value": items}}
    assert [(line.depth, line.name, line.value) for line in outline(report)] == [
        (0, "Report", ""),
        (1, "Finding", "Pneumonia"),
        (1, "Certainty", "86.4 percent"),
        (1, "", "2.25.1"),
        (1, "Person", "A^B"),
        (1, "Comment", "a text"),
    ]


def test_what_is_empty_is_an_empty_line() -> None:
    """Whatever a report lacks."""
    assert list(outline({"0040A043": {"vr": "SQ"}})) == [Line(depth=0, name="", value="")]
