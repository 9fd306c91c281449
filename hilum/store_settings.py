"""The settings of the store, where films are kept."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from hilum.section import Section

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _url(text: str) -> str:
    parts = urlsplit(text)
    is_folder = parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/")
    is_bucket = parts.scheme == "s3" and _BUCKET_NAME.fullmatch(parts.netloc) is not None
    if text and (parts.query or parts.fragment or not (is_folder or is_bucket)):
        raise ValueError("neither a folder nor a bucket")
    return text


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc):
        raise ValueError("no http or https address, or keys in it, which have settings of their own")
    return text


class Store(Section):
    """Where received films are kept."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        "",
        description="empty: the folder `spool` of home; `file:///folder`: another one, which must exist; "
        "`s3://bucket/prefix`: a bucket",
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        "", description="`https://host:port` of the server that has the bucket; empty: AWS"
    )
    region: str = Field("", description="the bucket's region; empty: as the usual AWS variables or files say")
    access_key: SecretStr = Field(
        SecretStr(""),
        description="the access key of the bucket; empty: as the usual AWS variables, files or the machine's role say",
    )
    secret_key: SecretStr = Field(SecretStr(""), description="the secret that belongs to `store.access_key`")
    timeout_seconds: float = Field(
        30,
        ge=1,
        le=600,
        description="seconds, 1 to 600, that a request to the bucket may take; below `worker.decode_seconds`",
    )

    @model_validator(mode="after")
    def _key_and_secret(self) -> Store:
        if bool(self.access_key.get_secret_value()) != bool(self.secret_key.get_secret_value()):
            raise ValueError("access_key and secret_key are set together or not at all")
        return self

    @property
    def is_bucket(self) -> bool:
        """Whether films are kept in a bucket."""
        return self.url.startswith("s3://")
