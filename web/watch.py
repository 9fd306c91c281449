"""For those who watch over the installation: is it alive, is it ready, is there an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from domain.errors import Transient
from web.access import Right, allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.alarm import Overdue
    from web.access import Client

LIVE: Final = "/health/live"


def routes(overdue: Callable[[], Overdue], clients: Sequence[Client]) -> APIRouter:
    """Return what answers for the installation; nothing in it names a patient.

    Args:
        overdue: returns the urgent results that reach nobody; raises `Transient` while the database is away.
        clients: who may watch, among others.
    """
    router = APIRouter(tags=["watch"])
    watcher = [Depends(allowed(clients, Right.WATCH))]

    @router.get(LIVE, summary="Whether the web server answers")
    async def live() -> dict[str, str]:  # beside the threads that answer: all of them may wait for the database
        return {"status": "live"}

    @router.get("/health/ready", summary="Whether the database answers, too")
    def ready() -> dict[str, str]:
        try:
            overdue()
        except Transient as error:
            raise HTTPException(503, str(error)) from error
        return {"status": "ready"}

    @router.get("/alarms", summary="Urgent results that reach nobody", dependencies=watcher)
    def alarms() -> dict[str, dict[str, object]]:
        found = overdue()
        return {
            "urgent_results_undelivered": {
                "count": found.count,
                "peers": list(found.waiting_for),
                "oldest_seconds": round(found.oldest_seconds),
            }
        }

    @router.get("/metrics", summary="The same for Prometheus", dependencies=watcher)
    def metrics() -> Response:
        found, registry = overdue(), CollectorRegistry()
        count = Gauge(
            "hilum_urgent_results_undelivered",
            "Urgent results that their peers have not taken in time",
            registry=registry,
        )
        oldest = Gauge(
            "hilum_urgent_result_oldest_seconds", "Age of the oldest of them; 0 without any", registry=registry
        )
        count.set(found.count)
        oldest.set(found.oldest_seconds)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
