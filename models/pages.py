"""The pages of a readable report: A4, set by ReportLab with fonts that travel inside the PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cache
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from domain.findings import DISCLAIMER, Verdict
from domain.knowledge import NOTICES
from models.wording import percent, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.delivery import Dispatch
    from domain.knowledge import Knowledge
    from domain.readable_report import ClassLine, FilmLine, ReadableReport

TITLE = "AI chest X-ray result"
NOTICE = "NOT FOR DIAGNOSTIC USE"

_MARGIN = 18 * mm
_HEAD, _FOOT = 16 * mm, 14 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_INK, _FAINT, _LINE, _SHADE = HexColor(0x1F2933), HexColor(0x616E7C), HexColor(0xCBD2D9), HexColor(0xF3F5F7)
_WARNING, _WARNING_SHADE = HexColor(0x9B1C1C), HexColor(0xFDECEC)
_COLOURS = {
    Verdict.POSITIVE: HexColor(0xB4540A),
    Verdict.NEGATIVE: HexColor(0x1F6F4A),
    Verdict.UNDETERMINED: HexColor(0x5B5F97),
    Verdict.COULD_NOT_PROCESS: HexColor(0x52606D),
}
_REGULAR, _BOLD = "Vera", "VeraBd"
"""Bitstream Vera, which comes with ReportLab: Latin letters with all their accents."""
_SPACED = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("TOPPADDING", (0, 0), (-1, -1), 4),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
]
_RULED = [*_SPACED, ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE), ("BACKGROUND", (0, 0), (-1, 0), _SHADE)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSetter:
    """Sets results on pages: implements `domain.delivery_ports.Typesetter`."""

    def pages(self, dispatch: Dispatch) -> bytes:
        """Return the result as a PDF without any of the patient's data; the same dispatch gives the same bytes.

        Raises:
            Misconfigured: the text about the result is missing or broken.
        """
        _load_fonts()
        report, content = wording(dispatch), BytesIO()
        made_at = f"D:{dispatch.made_at.astimezone(UTC):%Y%m%d%H%M%S}Z"
        paper = SimpleDocTemplate(
            content,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=_HEAD + 8 * mm,
            bottomMargin=_FOOT + 6 * mm,
            title=f"{TITLE} (not for diagnosis)",
            author="Hilum",
            creator="Hilum",
            subject=DISCLAIMER,
            lang="en",
            invariant=1,  # no clock, no random identifier
            pageCompression=1,
        )
        paper.build(
            [*_result(report), PageBreak(), *_knowledge(report.text)],
            onFirstPage=lambda sheet, _: sheet.setDateFormatter(lambda *_: made_at),
            canvasmaker=_Sheets,
        )
        return content.getvalue()


@cache
def _load_fonts() -> None:
    for name in (_REGULAR, _BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))


class _Sheets(Canvas):  # type: ignore[misc]  # ReportLab has no types
    """Sheets that know how many they are."""

    def __init__(self, *arguments: Any, **names: Any) -> None:  # noqa: ANN401 - ReportLab's
        super().__init__(*arguments, **names)
        self._sheets: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - ReportLab's name
        """Keep a sheet until all of them are there."""
        self._sheets.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Give every sheet its head and its foot."""
        for number, sheet in enumerate(self._sheets, start=1):
            self.__dict__.update(sheet)
            _frame(self, f"Page {number} of {len(self._sheets)}")
            super().showPage()
        super().save()


def _frame(sheet: Canvas, number: str) -> None:
    width, height = A4
    sheet.setFillColor(_INK)
    sheet.rect(0, height - _HEAD, width, _HEAD, stroke=0, fill=1)
    sheet.setFillColor(white)
    sheet.setFont(_BOLD, 13)
    sheet.drawString(_MARGIN, height - 10 * mm, TITLE)
    sheet.setFont(_BOLD, 9)
    sheet.drawRightString(width - _MARGIN, height - 10 * mm, NOTICE)
    sheet.setStrokeColor(_LINE)
    sheet.line(_MARGIN, _FOOT, width - _MARGIN, _FOOT)
    sheet.setFillColor(_FAINT)
    sheet.setFont(_REGULAR, 7)
    sheet.drawString(_MARGIN, _FOOT - 4 * mm, DISCLAIMER)
    sheet.drawRightString(width - _MARGIN, _FOOT - 8 * mm, number)


def _result(report: ReadableReport) -> Iterator[Flowable]:
    """Yield the first page: the answer, what it rests on, who gave it."""
    yield _box(
        [_text(NOTICE, 10, bold=True, colour=_WARNING), _text(DISCLAIMER, 8.5, colour=_WARNING)],
        _WARNING_SHADE,
        _WARNING,
    )
    yield Spacer(0, 4 * mm)
    colour = _COLOURS[report.verdict]
    yield _box([_text(report.headline, 14, bold=True, colour=white), _text(report.caution, 9, colour=white)], colour)
    if report.classes:
        yield _heading("What the network answered")
        yield _probabilities(report.classes, colour)
        yield Spacer(0, 2 * mm)
        yield _text(
            "Bar: the network's output. Mark: the output from which on the class is named. The output is not the "
            "probability that the patient has the disease.",
            7.5,
            colour=_FAINT,
        )
    yield _heading("Films of the study")
    yield _films(report.films)
    yield _heading("Where the result comes from")
    rows = [[_text(name, 8, colour=_FAINT), _text(value, 8)] for name, value in report.origin]
    yield Table(rows, colWidths=[42 * mm, _WIDTH - 42 * mm], style=_SPACED)


def _probabilities(classes: tuple[ClassLine, ...], colour: HexColor) -> Table:
    head = [_text(name, 8, bold=True) for name in ("Class", "Output", "", "Named from", "What the class means")]
    rows = [
        [
            [_text(one.name, 9, bold=True), *([_text("named", 7.5, bold=True, colour=colour)] if one.is_named else [])],
            _Bar(one, colour if one.is_named else _FAINT),
            _text(percent(one.probability), 9, bold=one.is_named),
            _text(percent(one.least), 9),
            _text(one.meaning, 8),
        ]
        for one in classes
    ]
    widths = [26 * mm, 42 * mm, 20 * mm, 24 * mm]
    return Table([head, *rows], colWidths=[*widths, _WIDTH - sum(widths)], style=_RULED)


def _films(films: tuple[FilmLine, ...]) -> Table:
    head = [_text(name, 8, bold=True) for name in ("Film", "View", "Use")]
    rows = [
        [_text(f"{one.number} of {len(films)}", 8), _text(one.view, 8), _text(one.use, 8, bold=one.is_analysed)]
        for one in films
    ]
    widths = [26 * mm, 36 * mm]
    return Table([head, *rows], colWidths=[*widths, _WIDTH - sum(widths)], style=_RULED, repeatRows=1)


def _knowledge(text: Knowledge) -> Iterator[Flowable]:
    """Yield what is known about the result, for clinicians, with the sources."""
    sources = [source for source in text.sources if source.key in text.clinical.cited]
    numbers = {source.key: number for number, source in enumerate(sources, start=1)}
    yield _text(f"About this result: {text.title}", 14, bold=True)
    yield Spacer(0, 2 * mm)
    yield _text(f"For clinicians. {' '.join(NOTICES)}", 8.5, colour=_WARNING)
    for heading, section in text.clinical.sections():
        marks = ", ".join(str(number) for number in sorted(numbers[key] for key in section.sources))
        first, *others = [_text(paragraph, 9, bullet=True) for paragraph in section.paragraphs]
        yield KeepTogether([_heading(f"{heading} [{marks}]"), first])
        yield from others
    yield _heading("Sources")
    for source in sources:
        words = f"[{numbers[source.key]}] {source.title}. {source.publisher}, {source.published}. {source.place}"
        yield _text(words, 7.5, colour=_FAINT)


def _heading(words: str) -> Flowable:
    style = ParagraphStyle(
        words, fontName=_BOLD, fontSize=10.5, leading=14, textColor=_INK, spaceBefore=12, spaceAfter=5
    )
    return Paragraph(escape(words, quote=False), style)


def _text(words: str, size: float, *, bold: bool = False, colour: HexColor = _INK, bullet: bool = False) -> Flowable:
    style = ParagraphStyle(
        words,
        fontName=_BOLD if bold else _REGULAR,
        fontSize=size,
        leading=1.4 * size,
        textColor=colour,
        leftIndent=4 * mm if bullet else 0,
        bulletFontName=_REGULAR,
        bulletFontSize=size,
        spaceAfter=3,
        splitLongWords=1,
    )
    return Paragraph(escape(words, quote=False), style, bulletText="\N{BULLET}" if bullet else None)


def _box(content: list[Flowable], shade: HexColor, edge: HexColor | None = None) -> Table:
    style = [
        ("BACKGROUND", (0, 0), (-1, -1), shade),
        ("LEFTPADDING", (0, 0), (-1, -1), 4 * mm),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4 * mm),
        ("TOPPADDING", (0, 0), (-1, -1), 3 * mm),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3 * mm),
    ]
    edged = [] if edge is None else [("LINEBEFORE", (0, 0), (0, -1), 3, edge)]
    return Table([[content]], colWidths=[_WIDTH], style=[*style, *edged])


class _Bar(Flowable):  # type: ignore[misc]  # ReportLab has no types
    """A probability as a bar from 0 to 1, with a mark where the class begins to be named."""

    def __init__(self, line: ClassLine, colour: HexColor) -> None:
        super().__init__()
        self.width, self.height = 38 * mm, 5 * mm
        self._line, self._colour = line, colour

    def draw(self) -> None:
        """Draw it, as ReportLab asks for."""
        self.canv.setFillColor(_SHADE)
        self.canv.rect(0, 0, self.width, self.height, stroke=0, fill=1)
        self.canv.setFillColor(self._colour)
        self.canv.rect(0, 0, self.width * self._line.probability, self.height, stroke=0, fill=1)
        self.canv.setStrokeColor(_INK)
        self.canv.setLineWidth(1)
        place = self.width * self._line.least
        self.canv.line(place, -1, place, self.height + 1)
