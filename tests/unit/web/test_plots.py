"""Plots: what stands where, and that nothing breaks out of them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from web.pages.plots import (
    Caption,
    Interval,
    Series,
    axis_to,
    bar_plot,
    interval_plot,
    line_plot,
    reliability_plot,
    seconds_axis,
    shade_plot,
    twin_plot,
)

CAPTION = Caption(key="k", title="A <title> & more", text='what "is" where')


def parsed(picture: str) -> ET.Element:
    assert "style=" not in picture
    return ET.fromstring(picture)  # noqa: S314 - our own


def numbers(root: ET.Element, name: str, key: str) -> list[float]:
    return [float(one.attrib[key]) for one in root.iter(name)]


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (7, 8), (23, 30), (100, 100), (1234, 1500)])
def test_an_axis_ends_at_a_round_number(most: float, top: float) -> None:
    """That holds the largest value."""
    axis = axis_to(most)
    assert axis.top == pytest.approx(top)
    assert axis.ticks[0] == (0, "0")


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [0.5, 4000.0], [1e9]])
def test_an_axis_of_time_holds_all_values(values: list[float]) -> None:
    """Those beside it lie on its edge."""
    axis = seconds_axis(values)
    assert axis.bottom < axis.top
    assert all(0 <= axis.share(value) <= 1 for value in values)


def test_every_plot_says_what_it_shows() -> None:
    """A title and a description, as text that can't become markup."""
    for picture in (
        line_plot(CAPTION, ["<a>"], [Series(name="<b>", values=(1.0,))], axis_to(1)),
        bar_plot(CAPTION, ["<a>"], [Series(name="<b>", values=(1.0,))], axis_to(1)),
        interval_plot(CAPTION, [Interval(name="<b>", value=0.5, low=0.2, high=0.8)]),
        reliability_plot(CAPTION, [("<b>", [(0.5, Interval(name="", value=0.5, low=0.2, high=0.8))])]),
        shade_plot(CAPTION, ["<a>"], [[1, 2]]),
        twin_plot(CAPTION, ["<a>"], [Series(name="<b>", values=(1.0,))], axis_to(1)),
    ):
        root = parsed(picture)
        assert (root.attrib["role"], root.findtext("title"), root.findtext("desc")) == (
            "img", CAPTION.title, CAPTION.text,
        )  # fmt: skip
        assert root.find("b") is None


def test_an_interval_lies_between_0_and_1() -> None:
    """Its point within it; of nothing there is none."""
    root = parsed(
        interval_plot(CAPTION, [Interval(name="a", value=0.5, low=0.0, high=1.0), Interval(name="b", value=None)])
    )
    (line,) = (one for one in root.iter("line") if "interval" in one.attrib["class"])
    (x,) = numbers(root, "circle", "cx")
    assert float(line.attrib["x1"]) < x < float(line.attrib["x2"])
    assert x == pytest.approx((float(line.attrib["x1"]) + float(line.attrib["x2"])) / 2)


def test_a_day_without_a_value_parts_a_line() -> None:
    """It is not drawn as if it were between its neighbours."""
    line = Series(name="a", values=(1.0, 2.0, None, 3.0, 4.0))
    root = parsed(line_plot(CAPTION, list("abcde"), [line], axis_to(4)))
    assert len(list(root.iter("polyline"))) == 2
    assert len(list(root.iter("circle"))) == 4


def test_bars_stand_on_each_other() -> None:
    """The second where the first ends."""
    stack = [Series(name="a", values=(2.0,)), Series(name="b", values=(1.0,)), Series(name="c", values=(0.0,))]
    bars = [
        one for one in parsed(bar_plot(CAPTION, ["x"], stack, axis_to(3))).iter("rect") if one.attrib["width"] != "9.0"
    ]
    first, second = ((float(one.attrib["y"]), float(one.attrib["height"])) for one in bars)
    assert second[0] + second[1] == pytest.approx(first[0], abs=0.2)
    assert first[1] == pytest.approx(2 * second[1], rel=0.01)


def test_shades_are_stronger_where_more_is() -> None:
    """From below to above; nothing is drawn for nothing."""
    picture = shade_plot(CAPTION, ["x"], [[9, 0, 1]])
    depths = [float(found) for found in re.findall(r'fill-opacity="([0-9.]+)"', picture)]
    assert len(depths) == 2
    assert depths[0] > depths[1]


def test_twin_bars_stand_beside_each_other_on_one_foot() -> None:
    """Side by side about the middle of their place, each as high as its value; of nothing there is none."""
    twins = [Series(name="a", values=(4.0, 0.0), tone=0), Series(name="b", values=(2.0, 1.0), tone=1)]
    root = parsed(twin_plot(CAPTION, ["x", "y"], twins, axis_to(4)))
    x, y, width, height = (numbers(root, "rect", key) for key in ("x", "y", "width", "height"))
    assert x[0] + width[0] == pytest.approx(x[1], abs=0.2)
    assert height == pytest.approx([height[0], height[0] / 2, height[0] / 4], abs=0.2)
    assert [top + tall for top, tall in zip(y, height, strict=True)] == pytest.approx([y[0] + height[0]] * 3, abs=0.2)
