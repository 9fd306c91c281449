"""The work for programs: how it stands, and what an operator can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import HTTPException, Path, Request

from domain.accounts import Permission
from domain.audit import AuditAction, AuditOutcome
from domain.errors import Misconfigured
from web.api.answer import LARGEST_ID, problems
from web.api.operation_sheet import LaneNote, Note, Operations, PeerCheck, PeerTest
from web.pages.visitors import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import APIRouter

    from domain.operations import ControlRoom
    from web.api.gate import Gate

Job = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Name = Annotated[str, Path(max_length=64, pattern=PLAIN)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Desk:
    """Does what is asked, and records it."""

    room: ControlRoom
    gate: Gate

    def act(self, request: Request, what: str, note: str, do: Callable[[str], str | None]) -> None:
        """Do something under the program's name.

        Raises:
            HTTPException: 409, nothing was changed.
        """
        trouble = do(self.gate.token(request).actor)
        outcome = AuditOutcome.SUCCESS if trouble is None else AuditOutcome.FAILED
        self.gate.record(request, AuditAction.OPERATE, " ".join(filter(None, (what, note))), outcome=outcome)
        if trouble is not None:
            raise HTTPException(409, f"nothing was changed: {trouble}")


def routes(room: ControlRoom, gate: Gate) -> APIRouter:
    """Return what answers for the work."""
    router = gate.router(tag="operations", permission=Permission.OPERATE)
    _jobs(router, room, _Desk(room=room, gate=gate))
    _lanes(router, room, _Desk(room=room, gate=gate))

    @router.get("/operations", summary="See queues, held jobs, peers, workers, disk and alarms")
    def show() -> Operations:
        return Operations.of(room)

    @router.post("/operations/peers/{name}/test", summary="Test a peer", responses=problems(404))
    def test_peer(request: Request, name: Name) -> PeerTest:
        try:
            checks = room.surroundings.check(name)
        except Misconfigured as error:
            raise HTTPException(404, "there is no such peer") from error
        is_good = all(one.is_good for one in checks)
        outcome = AuditOutcome.SUCCESS if is_good else AuditOutcome.FAILED
        gate.record(request, AuditAction.OPERATE, f"test peer {name}", outcome=outcome)
        return PeerTest(peer=name, is_good=is_good, checks=[PeerCheck.model_validate(one) for one in checks])

    return router


def _jobs(router: APIRouter, room: ControlRoom, desk: _Desk) -> None:
    board = room.switchboard

    @router.post(
        "/operations/jobs/{job}/requeue",
        summary="Make a held job wait again, with all its tries",
        status_code=204,
        responses=problems(400, 409),
    )
    def requeue(request: Request, job: Job, given: Note | None = None) -> None:
        desk.act(request, f"requeue job {job}", _text(given), lambda actor: board.requeue(job, actor=actor))

    @router.post(
        "/operations/jobs/{job}/cancel",
        summary="End a held or waiting job for good: it can't be taken up again",
        status_code=204,
        responses=problems(400, 409),
    )
    def cancel(request: Request, job: Job, given: Note | None = None) -> None:
        note = _text(given)
        reason = note or "cancelled through the API"
        desk.act(request, f"cancel job {job}", note, lambda actor: board.cancel(job, reason=reason, actor=actor))


def _text(given: Note | None) -> str:
    return "" if given is None else given.text


def _lanes(router: APIRouter, room: ControlRoom, desk: _Desk) -> None:
    board = room.switchboard

    @router.post(
        "/operations/lanes/pause",
        summary="Let nothing new be claimed in a lane; what is at work ends as ever",
        status_code=204,
        responses=problems(400, 409),
    )
    def pause(request: Request, given: LaneNote) -> None:
        what, reason = f"pause {given.lane or 'every lane'}", given.text or "paused through the API"
        desk.act(request, what, given.text, lambda actor: board.pause(given.lane, reason=reason, actor=actor))

    @router.post(
        "/operations/lanes/resume", summary="End the pause of a lane", status_code=204, responses=problems(400, 409)
    )
    def resume(request: Request, given: LaneNote) -> None:
        what = f"resume {given.lane or 'every lane'}"
        desk.act(request, what, given.text, lambda actor: board.resume(given.lane, actor=actor))
