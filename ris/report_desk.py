"""Takes final reports: what is done with each message, and how it is acknowledged (HL7 v2.5.1, 2.9.2)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.assessment import AssessedReport, ReportMessage
from domain.errors import Transient
from ris.acknowledgement import Code
from ris.envelope import Unreadable, acknowledge, read_envelope
from ris.final_report import RESULT, final_reports

if TYPE_CHECKING:
    from domain.assessment import Assessor, Filing, FinalReport
    from domain.assessment_ports import Assessments
    from ris.envelope import Envelope
    from worker.events import Events

_PRODUCTION = "P"


class ReportDesk:
    """Understands messages, and accepts each only when its assessments are committed."""

    def __init__(self, *, assessor: Assessor, assessments: Assessments, events: Events) -> None:
        """Take reports.

        Args:
            assessor: understands them.
            assessments: where they are filed.
            events: is told what came, and nothing of its content.
        """
        self._assessor = assessor
        self._assessments = assessments
        self._events = events

    def answer(self, message: bytes) -> bytes:
        """Return the acknowledgement of a message, whatever it is."""
        envelope: Envelope | None = None
        try:
            envelope = read_envelope(message)
            code, text = self._take(envelope, message)
        except Unreadable as error:
            code, text = self._refuse(str(error))
        return acknowledge(envelope, code, own_id=secrets.token_hex(10), moment=_now(), text=text)

    def _take(self, envelope: Envelope, message: bytes) -> tuple[Code, str]:
        if envelope.kind != RESULT:
            return self._refuse(f"only {RESULT} is taken here")
        if not envelope.control_id:
            return self._refuse("the message has no control id (MSH-10)")
        try:
            reports = final_reports(envelope)
        except Exception as error:  # noqa: BLE001 - foreign bytes: whatever a parser raises, it can't be read
            self._events.warning("report-unreadable", error=type(error).__name__)
            return Code.APPLICATION_REJECT, "the message can't be read"
        if not reports or envelope.processing_id != _PRODUCTION:
            self._events.info("report-ignored", reason="not final, or empty" if not reports else "not for production")
            return Code.APPLICATION_ACCEPT, ""
        return self._file(self._assessed(envelope, message, reports))

    def _assessed(self, envelope: Envelope, message: bytes, reports: tuple[FinalReport, ...]) -> ReportMessage:
        # Without the header, which has the time of each try.
        content = message.partition(b"\r")[2] or message
        return ReportMessage(
            sender=f"{envelope.sending_application}|{envelope.sending_facility}",
            control_id=envelope.control_id,
            digest=hashlib.sha256(content).hexdigest(),
            reports=tuple(
                AssessedReport(
                    study=report.study,
                    assessment=self._assessor.assess(report),
                    reported_at=report.reported_at,
                    is_correction=report.is_correction,
                )
                for report in reports
            ),
        )

    def _file(self, message: ReportMessage) -> tuple[Code, str]:
        try:
            filing = self._assessments.file(message)
        except Transient as error:
            self._events.warning("report-not-filed", reason=str(error))
            return Code.APPLICATION_ERROR, "the report can't be kept now; send it again"
        except Exception as error:  # noqa: BLE001 - nothing was committed, so that it must not be accepted
            self._events.error("report-not-filed", error=type(error).__name__)
            return Code.APPLICATION_ERROR, "the report could not be kept"
        self._tell(filing)
        return Code.APPLICATION_ACCEPT, ""

    def _tell(self, filing: Filing) -> None:
        if filing.is_resent:
            self._events.info("report-known")
        if filing.filed:
            self._events.info("report-filed", count=filing.filed)
        if filing.outdated:
            self._events.info("report-outdated", count=filing.outdated)
        if filing.unmatched:
            reason = "the study is not here" if filing.unknown else "several studies may be meant"
            self._events.warning("report-unmatched", count=filing.unmatched, reason=reason)

    def _refuse(self, reason: str) -> tuple[Code, str]:
        self._events.warning("report-refused", reason=reason)
        return Code.APPLICATION_REJECT, reason


def too_long() -> bytes:
    """Return the acknowledgement of a message whose end was not awaited."""
    return acknowledge(None, Code.APPLICATION_REJECT, own_id=secrets.token_hex(10), moment=_now(), text="too long")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
