"""Papers made for the tests, of settings that use everything and hold secrets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from domain.paper import Block, Paper, Section
from hilum.given_settings import given
from hilum.papers.shelf import PAPERS
from hilum.settings import Settings

SECRET = "s3cr3t"
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there
PACS = {
    "name": "pacs",
    "ae_title": "PACS",
    "host": "pacs.example.org",
    "port": 104,
    "may_send": True,
    "reads_worklist": True,
    "receives_results": True,
    "commits_results": True,
    "reconciled": "fetch",
}


def everything() -> Settings:
    """Return settings with every connection there is; what must not be told has `SECRET` in it."""
    return given(
        home="/nonexistent",
        database={"url": f"postgresql+psycopg2://hilum:{SECRET}@db.example.org/hilum?sslmode=verify-full"},
        node={"host": ANYWHERE, "tls_port": 2762, "tls_certificate": "/a.pem", "tls_key": f"/{SECRET}.pem"},
        store={
            "url": "s3://films/here",
            "endpoint": "https://s3.example.org:9000",
            "access_key": SECRET,
            "secret_key": SECRET,
        },
        oidc={"issuer": "https://login.example.org/realms/hospital", "client_secret": SECRET},
        audit={"syslog_host": "audit.example.org"},
        alarm={"webhook": f"https://hooks.example.org/{SECRET}", "mail_to": ["a@example.org"]},
        final_reports={"host": ANYWHERE, "port": 2575},
        web={"host": ANYWHERE},
        web_clients=[{"name": "PORTAL", "token_sha256": "ab" * 32, "may": ["read"]}],
        ris=[{"name": "ris", "host": "ris.example.org", "port": 2576, "tls": True}],
        routes=[{"objects": ["message"], "peers": ["ris"]}, {"objects": ["capture"], "peers": ["pacs"]}],
        peers=[PACS],
        metrics={"host": ANYWHERE, "node_port": 9101, "worker_port": 9102, "scheduler_port": 9103, "web_port": 9104},
        traces={"endpoint": f"http://traces.example.org:4318/v1/traces?key={SECRET}"},
    )


@cache
def full(name: str) -> Paper:
    """Return a paper of those settings."""
    return PAPERS[name].make(everything(), None)


def blocks(paper: Paper) -> Iterator[Block]:
    """Yield every block of a paper, at any depth."""
    waiting: list[Section] = list(paper.sections)
    while waiting:
        section = waiting.pop(0)
        yield from section.blocks
        waiting += section.sections
