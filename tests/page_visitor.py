"""A browser without pictures: it keeps cookies, follows the site's own forms, and sees pages as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from db.accounts import PostgresAccounts, PostgresSessions
from db.api_tokens import PostgresTokens
from db.audit import PostgresAuditTrail
from db.quality import PostgresQuality
from db.reading_list import PostgresReadingList, PostgresSavedFilters
from db.reading_news import PostgresReadingNews
from db.study_view import PostgresStudyViews
from domain.accounts import Role
from domain.reading_list import ReadingDesk
from domain.study_view import StudyRoom
from hilum.control_room import control_room
from hilum.settings import Settings
from models.knowledge import load_knowledge
from tests.uploading import upload_room
from web.pages.house import House, add_pages
from web.passwords import hashed

if TYPE_CHECKING:
    from domain.dicomweb import ResultLibrary
    from domain.study_view import FilmsOnView

PASSWORD = "three quiet words"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def house_of(engine: Engine, **changes: Any) -> House:  # noqa: ANN401 - fields of a house
    """Return a house whose people are in a database."""
    values: dict[str, Any] = {
        "accounts": PostgresAccounts(engine),
        "sessions": PostgresSessions(engine),
        "tokens": PostgresTokens(engine),
        "trail": PostgresAuditTrail(engine),
        "uploads": upload_room(engine),
        "operations": control_room(Settings.model_construct(), engine),
        "quality": PostgresQuality(engine),
        "registration": "off",
        "public_url": "",
        "is_secure": False,
        "lasting": timedelta(hours=1),
        "idle": timedelta(hours=1),
        "version": "0",
        "studies": no_films(engine),
        "reading": ReadingDesk(
            list=PostgresReadingList(engine, patience=timedelta(minutes=5)),
            news=PostgresReadingNews(engine),
            filters=PostgresSavedFilters(engine),
        ),
        **changes,
    }
    return House(**values)


def no_films(engine: Engine) -> StudyRoom:
    """Return a room of studies of which no film can be shown, and that have no reports."""
    films, reports = cast("FilmsOnView", None), cast("ResultLibrary", None)
    return StudyRoom(views=PostgresStudyViews(engine), films=films, reports=reports, knowledge=load_knowledge)


def add_account(engine: Engine, login: str, role: Role) -> None:
    """Make an account whose password is `PASSWORD`."""
    PostgresAccounts(engine).create(login=login, name=login.title(), role=role, password_hash=_kept())


@cache
def _kept() -> str:
    return hashed(PASSWORD)


@dataclass
class Visitor:
    """Somebody with a browser."""

    client: TestClient

    def get(self, path: str, **options: Any) -> Any:  # noqa: ANN401 - a response
        return self.client.get(path, headers={"Accept": "text/html"}, **options)

    def post(self, path: str, **fields: str) -> Any:  # noqa: ANN401 - the same
        return self.client.post(path, data=fields, headers={"Accept": "text/html"})

    def log_in(self, login: str, password: str = PASSWORD) -> Any:  # noqa: ANN401 - the same
        return self.post("/login", login=login, password=password)

    def csrf(self, path: str) -> str:
        """Return what the forms of a page send back."""
        found = _CSRF.search(self.get(path).text)
        assert found is not None
        return unescape(found.group(1))


@contextmanager
def front_door(house: House) -> Iterator[Callable[[str], Visitor]]:
    """Open the pages of a house; yield what logs somebody in, in a browser of its own."""
    app = FastAPI()
    add_pages(app, house)
    with ExitStack() as opened:

        def log_in(login: str) -> Visitor:
            visitor = Visitor(opened.enter_context(TestClient(app)))
            visitor.log_in(login)
            return visitor

        yield log_in
