"""Figures of quality for programs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import Query
from pydantic import BeforeValidator

from domain.accounts import Permission
from domain.agreement import Grouping, agreement
from domain.quality import drift
from web.api.quality_sheet import (
    Drift,
    Group,
    Quality,
    Reliability,
    ScoredNetwork,
    Scores,
    Times,
    Volume,
)
from web.api.trial_sheet import Trials
from web.pages.quality import Window

if TYPE_CHECKING:
    from fastapi import APIRouter

    from domain.quality import QualityBook
    from web.api.gate import Gate

_USUAL_WEEKS: Final = 12

Weeks = Annotated[
    Literal[4, 12, 26],
    BeforeValidator(int),  # an address holds text
    Query(description="Length of the window, up to today (UTC)"),
]
By = Annotated[Grouping, Query(description="By what reports are put together")]


def routes(book: QualityBook, gate: Gate) -> APIRouter:
    """Return what answers for quality."""
    router = gate.router(tag="quality", permission=Permission.QUALITY)

    @router.get("/quality", summary="See agreement, drift, calibration, volumes, times and networks on trial")
    def show(weeks: Weeks = _USUAL_WEEKS, by: By = Grouping.WEEK) -> Quality:
        return _figures(book, Window.of(weeks, datetime.now(UTC)), by)

    return router


def _figures(book: QualityBook, window: Window, by: Grouping) -> Quality:
    first, end = window.first, window.end
    with ThreadPoolExecutor(1) as beside:  # as for the page
        trials = beside.submit(book.trials, first, end)
        scores, network = book.scores(first, end), book.network(first, end)
        return Quality(
            first=first,
            end=end,
            groups=[Group.of(one) for one in agreement(book.comparisons(first, end), by)],
            unmatched=dict(book.unmatched(first, end)),
            network=None if network is None else ScoredNetwork.model_validate(network),
            scores=[Scores.model_validate(one) for one in scores],
            drift=[Drift.model_validate(one) for one in drift(scores)],
            reliability=[Reliability.of(one) for one in book.reliability(first, end)],
            volumes=[Volume.model_validate(one) for one in book.volumes(first, end)],
            times=[Times.model_validate(one) for one in book.times(first, end)],
            trials=Trials.of(trials.result()),
        )
