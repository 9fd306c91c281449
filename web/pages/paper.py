"""What pages are made of: templates, the frame around them, and what browsers may do with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.findings import DISCLAIMER
from web.pages.clock import Clock

if TYPE_CHECKING:
    from fastapi import Request

    from domain.accounts import Permission, Session

HERE: Final = Path(__file__).parent.parent
STATIC: Final = HERE / "static"
THEME_COOKIE: Final = "theme"
THEMES: Final = ("dark", "light")

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline (CSP Level 3)."""
_REFERRER_POLICY: Final = "same-origin"
"""Other sites learn nothing. With `no-referrer` browsers would not even tell us that a form is our own (Fetch 3.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A page in the bar at the top."""

    path: str
    text: str
    permission: Permission


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Sets pages from templates, each in the frame that is the same on all."""

    links: tuple[Link, ...]
    version: str
    is_secure: bool
    clock: Clock = field(default_factory=Clock)
    _templates: Environment = field(
        default_factory=lambda: Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
    )

    def __post_init__(self) -> None:
        """Give the templates the clock."""
        self._templates.filters.update(self.clock.filters)

    def page(
        self,
        request: Request,
        template: str,
        *,
        session: Session | None = None,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> HTMLResponse:
        """Return a page.

        Args:
            request: what it answers.
            template: its file.
            session: who sees it; None: somebody who is not logged in.
            status: of the answer.
            values: what the template shows.
        """
        account = None if session is None else session.account
        text = self._templates.get_template(template).render(
            account=account,
            csrf="" if session is None else session.csrf_token,
            links=[link for link in self.links if account is not None and account.may(link.permission)],
            path=request.url.path,
            theme=theme_of(request),
            disclaimer=DISCLAIMER,
            version=self.version,
            **values,
        )
        headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": _REFERRER_POLICY}
        if self.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return HTMLResponse(text, status_code=status, headers=headers)


def theme_of(request: Request) -> str:
    """Return the theme that a browser asks for; dark where it asks for none: reading rooms are dark."""
    wanted = request.cookies.get(THEME_COOKIE, "")
    return wanted if wanted in THEMES else THEMES[0]
