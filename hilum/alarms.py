"""Tells people that urgent results reach nobody: by a webhook, by e-mail, or in the log alone."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING

from domain.errors import Transient

if TYPE_CHECKING:
    from domain.alarm import Overdue
    from hilum.work_settings import Alarm

_SECONDS = 10.0
"""For a webhook or a mail server to answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarms:
    """Implements `domain.delivery_ports.Alarm` with what the settings name."""

    settings: Alarm
    station: str
    """AE title of the installation that speaks."""

    def tell(self, overdue: Overdue) -> None:
        """Tell everybody that is to be told; no patient's data is in it.

        Raises:
            Transient: somebody could not be told; all are told again the next time.
        """
        if self.settings.webhook is not None:
            self._post(self.settings.webhook.get_secret_value(), overdue)
        if self.settings.mail_to:
            self._mail(overdue)

    def _post(self, url: str, overdue: Overdue) -> None:
        body = {
            "event": "urgent-results-undelivered",
            "station": self.station,
            "count": overdue.count,
            "new": len(overdue.untold),
            "peers": list(overdue.peers),
            "oldest_seconds": round(overdue.oldest_seconds),
        }
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - the same
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise Transient(f"the webhook of the alarm answered {error.code}") from error
        except OSError as error:
            raise Transient("the webhook of the alarm can't be reached") from error

    def _mail(self, overdue: Overdue) -> None:
        settings = self.settings
        message = EmailMessage()
        message["From"], message["To"] = settings.mail_from, ", ".join(settings.mail_to)
        message["Subject"] = f"{self.station}: {overdue.count} urgent results reach nobody"
        message.set_content(
            f"{overdue.count} urgent results have not been taken by: {', '.join(overdue.peers)}.\n"
            f"The oldest is {overdue.oldest_seconds / 60:.0f} minutes old.\n\n"
            "`hilum status` shows what is wrong. The studies are to be read without a flag until then.\n"
        )
        try:
            with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SECONDS) as server:
                if settings.smtp_starttls:
                    server.starttls(context=ssl.create_default_context())
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Transient(f"the mail of the alarm can't be sent ({type(error).__name__})") from error
