"""What a backup says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from domain.errors import Misconfigured

FORMAT: Final = 1
"""Of the folder and its manifest; a later one that reads differently gets another number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The last file of a backup: a folder without it is none."""

    format: int
    made_at: str
    """ISO 8601 in UTC: the moment of the database's snapshot."""
    hilum_version: str
    schema_revision: str
    server_major: int
    """Major version of the PostgreSQL server that was dumped."""
    studies: int
    films: int
    """How many are in the backup; 0 where they stay in a bucket."""
    has_films: bool
    """Whether it has the films; otherwise they are where the store is, and must be kept there."""
    missing: tuple[str, ...]
    """Places of films that the database names and the store did not have."""
    damaged: tuple[str, ...]
    """Places of films whose content was not what the database says; they are in the backup as they were."""
    sums_sha256: str
    """Of the list of all other files with their SHA-256."""

    def as_json(self) -> str:
        """Return it as the text of its file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the text of its file.

        Raises:
            Misconfigured: it is none, or of a newer Hilum.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if values["format"] != FORMAT:
                raise Misconfigured(f"the backup has format {values['format']}; this Hilum reads format {FORMAT}")
            known = {field.name: values[field.name] for field in fields(cls)}
            return cls(**{**known, "missing": tuple(known["missing"]), "damaged": tuple(known["damaged"])})
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured("the backup's manifest.json can't be read: it was changed or damaged") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFilm:
    """A film that a row of the database names."""

    place: str
    digest: str
    """SHA-256 of its data set."""
    size_bytes: int
    """Of its data set; its file is a little larger."""
