"""`hilum final-reports`: the process that takes the radiologists' final reports from a RIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.errors import Misconfigured
from hilum import bootstrap, stopping
from hilum.watchdog import watchdog

if TYPE_CHECKING:
    from domain.assessment import Assessor
    from hilum.cli import Loaded
    from hilum.report_settings import FinalReports
    from hilum.settings import Settings
    from ris.listener import Door

ROLE = "final-reports"


@click.command(ROLE)
@click.option("--supervised", is_flag=True, hidden=True, help="End when the parent process ends.")
@click.pass_obj
def final_reports(loaded: Loaded, *, supervised: bool) -> None:
    """Take final reports from a RIS by HL7 (ORU^R01 over MLLP), to set them beside our results.

    Listens on `final_reports.host` and `final_reports.port`. A report is accepted (AA) when what it says of each class
    is committed; its text is not kept. `hilum up` runs this where the port is set. What comes of it is shown by
    `hilum agreement`.
    """
    run(loaded.settings(), supervised=supervised)


def run(settings: Settings, *, supervised: bool) -> None:
    """Take reports until told to stop.

    While the database is away senders are answered AE, so that they send again.

    Raises:
        Misconfigured: no port is set, it can't be listened on, or the database has another schema.
    """
    from db.assessments import PostgresAssessments
    from hilum import log
    from ris.listener import Listener
    from ris.report_desk import ReportDesk

    own = settings.final_reports
    if not own.port:
        raise Misconfigured("final_reports.port is 0: no final reports are taken")
    stop = stopping.on_signals()
    if supervised:
        stopping.with_parent(stop)
    watched = watchdog()
    watched.stops_with(stop)
    events = log.start(settings.log, role=ROLE)
    with bootstrap.database(settings, role=ROLE) as engine:
        if bootstrap.wait_for_schema(engine, events, stop, watched.waits):
            desk = ReportDesk(assessor=assessor(own), assessments=PostgresAssessments(engine), events=events)
            listener = Listener(_door(own), desk.answer, events)
            events.info("final-reports-ready", host=own.host, port=listener.port)
            listener.serve(stop, watched.turned)
    events.info("final-reports-stopped")


def assessor(own: FinalReports) -> Assessor:
    """Return what understands reports by the terms of the settings."""
    from domain.assessment import Assessor, ClassTerms
    from domain.findings import Label

    return Assessor(
        terms={
            Label.COVID19: ClassTerms(codes=own.covid19_codes, keywords=own.covid19_keywords),
            Label.NORMAL: ClassTerms(codes=own.normal_codes, keywords=own.normal_keywords),
            Label.PNEUMONIA: ClassTerms(codes=own.pneumonia_codes, keywords=own.pneumonia_keywords),
        }
    )


def _door(own: FinalReports) -> Door:
    from ris.listener import Door, ServerTls

    tls = None
    if own.tls_certificate is not None and own.tls_key is not None:
        tls = ServerTls(certificate=own.tls_certificate, key=own.tls_key, client_authorities=own.tls_client_authorities)
    return Door(
        host=own.host,
        port=own.port,
        networks=own.accepts_from,
        tls=tls,
        timeout_s=own.timeout_seconds,
        idle_timeout_s=own.idle_timeout_seconds,
    )
