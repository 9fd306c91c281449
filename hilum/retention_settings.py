"""The settings of how long things are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from hilum.section import Section

Days = Annotated[int, Field(ge=0, le=36500)]
Megabytes = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Retention(Section):
    """How long things are kept; nothing is deleted unless a number of days is set."""

    jobs_days: Days = Field(30, description="days after which a job that was done or cancelled is archived; 0: never")
    films_days: Days = Field(
        0,
        description="days after a study's last film, after which its films are deleted if nobody needs them any more; "
        "0: never",
    )
    uploads_days: Days = Field(0, description="the same for studies that people uploaded; 0: never")
    results_days: Days = Field(
        0,
        description="days after the last that happened to a study, after which its results and all else of it are "
        "deleted, once its films are; 0: never",
    )
    audit_days: Days = Field(
        0,
        description="days after which records of the audit trail are deleted, once they are sent where "
        "`audit.syslog_host` is set; 0: never",
    )
    make_room_below_megabytes: Megabytes = Field(
        0,
        description="free space on the spool's disk, in MB, below which delivered films are deleted before their time, "
        "those first that came first; above `node.reserve_megabytes`; 0: never",
    )
    make_room_until_megabytes: Megabytes = Field(
        0, description="free space, in MB, up to which they are; 0: a tenth more than `make_room_below_megabytes`"
    )

    @property
    def room_megabytes(self) -> int:
        """Free space at which no more room is made."""
        return self.make_room_until_megabytes or self.make_room_below_megabytes * 11 // 10

    @model_validator(mode="after")
    def _go_together(self) -> Retention:
        if self.results_days and not 0 < self.films_days <= self.results_days:
            raise ValueError("results_days needs films_days, and can't be less: films go before the results about them")
        if self.make_room_until_megabytes and self.make_room_until_megabytes < self.make_room_below_megabytes:
            raise ValueError("make_room_until_megabytes can't be less than make_room_below_megabytes")
        return self


def check_room(retention: Retention, *, reserve_megabytes: int, is_bucket: bool) -> None:
    """Refuse to make room too late, or where there is no end of it.

    Raises:
        ValueError: that is what the settings ask for.
    """
    below = retention.make_room_below_megabytes
    if below and is_bucket:
        raise ValueError("retention.make_room_below_megabytes is for films on a disk; here they are in a bucket")
    if 0 < below <= reserve_megabytes:
        raise ValueError(
            f"retention.make_room_below_megabytes must be more than node.reserve_megabytes ({reserve_megabytes}): "
            "room is made before films are refused"
        )
