"""The work, as operators see it and act on it; nothing on it says of whom a study is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import RedirectResponse

from domain.accounts import Permission
from domain.audit import AuditAction, AuditOutcome
from domain.errors import Misconfigured
from web.pages.visitors import PLAIN, check_csrf

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.accounts import Session
    from domain.operations import ControlRoom
    from web.pages.paper import Paper
    from web.pages.visitors import Doorman

_PAGE: Final = "/operations"
_SEE_OTHER: Final = 303
_LANE: Final = re.compile(r"[A-Za-z0-9:_-]*")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MINUTES: Final = 10
"""From so many on, seconds tell nothing."""
_DONE: Final = {
    "requeue": "The job waits again, with all its tries.",
    "cancel": "The job was cancelled.",
    "pause": "Paused. What is at work ends as ever.",
    "resume": "It goes on.",
}

Text = Annotated[str, Form(max_length=64, pattern=PLAIN)]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Note = Annotated[str, Form(max_length=200, pattern=PLAIN)]


def ago(seconds: float | None) -> str:
    """Return a length of time in its largest units, as 3 h 12 min."""
    if seconds is None:
        return ""
    whole = max(int(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _MINUTES * _MINUTE:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def amount(size: int) -> str:
    """Return an amount of bytes in GB, small ones in MB."""
    billion = 1_000_000_000
    return f"{size / billion:,.1f} GB" if size >= billion else f"{size / 1_000_000:,.0f} MB"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What somebody wants done."""

    act: str
    note: str
    is_confirmed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Desk:
    """Shows the page, and does what is asked on it."""

    room: ControlRoom
    doorman: Doorman
    paper: Paper

    def page(self, request: Request, session: Session, *, part: bool = False, **said: Any) -> Response:  # noqa: ANN401 - what the template shows
        """Return the page, or the part of it that changes by itself."""
        peers = self.room.surroundings.peers()
        board = self.room.switchboard.board([peer.name for peer in peers])
        told = {"problem": "", "done": "", "tested": "", "checks": (), "status": 200, **said}
        return self.paper.page(
            request,
            "operations_board.html" if part else "operations.html",
            session=session,
            board=board,
            peers=peers,
            duties=[(record, self.room.surroundings.duty(record)) for record in board.duties],
            disk=self.room.surroundings.disk(),
            ago=ago,
            amount=amount,
            **told,
        )

    def act(self, request: Request, session: Session, act: str, what: str, do: Callable[[], str | None]) -> Response:
        """Do something, record it, and lead back to the page, or say what is in the way."""
        trouble = do()
        outcome = AuditOutcome.SUCCESS if trouble is None else AuditOutcome.FAILED
        self.doorman.record(request, session, AuditAction.OPERATE, f"{act} {what}", outcome=outcome)
        if trouble is not None:
            return self.page(request, session, status=409, problem=f"Nothing was changed: {trouble}.")
        return RedirectResponse(f"{_PAGE}?done={act}", _SEE_OTHER)

    def change_job(self, request: Request, session: Session, job: int, given: _Asked) -> Response:
        """Requeue or cancel a job."""
        board, actor = self.room.switchboard, session.account.login
        what = " ".join(filter(None, (f"job {job}", given.note)))
        if given.act == "requeue":
            return self.act(request, session, given.act, what, lambda: board.requeue(job, actor=actor))
        if given.act != "cancel":
            raise HTTPException(400, "there is no such act")
        if not given.is_confirmed:
            text = "Nothing was changed: cancelling needs a second yes, which needs JavaScript."
            return self.page(request, session, status=400, problem=text)
        reason = given.note or "cancelled on the page of operations"
        return self.act(request, session, given.act, what, lambda: board.cancel(job, reason=reason, actor=actor))

    def change_lane(self, request: Request, session: Session, lane: str, given: _Asked) -> Response:
        """Pause or resume a lane."""
        if not _LANE.fullmatch(lane):
            raise HTTPException(400, "there is no such lane")
        board, actor = self.room.switchboard, session.account.login
        what = " ".join(filter(None, (lane or "every lane", given.note)))
        if given.act == "resume":
            return self.act(request, session, given.act, what, lambda: board.resume(lane, actor=actor))
        if given.act != "pause":
            raise HTTPException(400, "there is no such act")
        reason = given.note or "paused on the page of operations"
        return self.act(request, session, given.act, what, lambda: board.pause(lane, reason=reason, actor=actor))

    def test(self, request: Request, session: Session, name: str) -> Response:
        """Test a peer, and show what came of it."""
        try:
            checks = self.room.surroundings.check(name)
        except Misconfigured as error:
            raise HTTPException(404, "there is no such peer") from error
        outcome = AuditOutcome.SUCCESS if all(one.is_good for one in checks) else AuditOutcome.FAILED
        self.doorman.record(request, session, AuditAction.OPERATE, f"test peer {name}", outcome=outcome)
        return self.page(request, session, tested=name, checks=checks)


def routes(room: ControlRoom, doorman: Doorman, paper: Paper) -> APIRouter:
    """Return what answers for operations.

    Args:
        room: the work, and what settings and host say.
        doorman: lets operators in.
        paper: what pages are made of.
    """
    router = APIRouter(include_in_schema=False)
    desk = _Desk(room=room, doorman=doorman, paper=paper)
    check = doorman.visitor_who_may(Permission.OPERATE)

    @router.get(_PAGE)
    def show(request: Request, done: str = "") -> Response:
        return desk.page(request, check(request), done=_DONE.get(done, ""))

    @router.get(f"{_PAGE}/board")
    def board(request: Request) -> Response:
        return desk.page(request, check(request), part=True)

    @router.post(f"{_PAGE}/jobs/{{job}}")
    def change_job(
        request: Request, job: Number, act: Text, csrf: Text, note: Note = "", confirmed: Text = ""
    ) -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        given = _Asked(act=act, note=" ".join(note.split()), is_confirmed=confirmed == "yes")
        return desk.change_job(request, session, job, given)

    @router.post(f"{_PAGE}/lanes")
    def change_lane(request: Request, act: Text, csrf: Text, lane: Text = "", note: Note = "") -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        given = _Asked(act=act, note=" ".join(note.split()), is_confirmed=True)
        return desk.change_lane(request, session, lane, given)

    @router.post(f"{_PAGE}/peers/{{name}}/test")
    def test_peer(request: Request, name: str, csrf: Text) -> Response:
        session = check(request)
        check_csrf(request, session, csrf)
        return desk.test(request, session, name)

    return router
