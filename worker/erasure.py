"""Erases everything about a patient, in an order that a crash may end at any point: run again, it goes on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.erasure import Certificate, Pseudonyms
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from domain.erasure import Erasure, Holdings, Whom
    from worker.retention import Shredder

_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Eraser:
    """What erasing needs."""

    erasure: Erasure
    shredder: Shredder
    actor: str

    def look(self, whom: Whom, *, even_undelivered: bool) -> Holdings:
        """Return what there is, if nothing is in the way.

        Raises:
            Misconfigured: a person has to decide something first; the text says what.
            Transient: a worker has a study in hand.
        """
        found = self.erasure.find(whom)
        if len(found.issuers) > 1:
            named = ", ".join(repr(issuer) for issuer in sorted(found.issuers))
            raise Misconfigured(f"several issuers use this Patient ID: {named}; say which with --issuer")
        if found.kept:
            raise Misconfigured(f"{len(found.kept)} studies are kept from deletion (hilum keep list); end that first")
        if found.undelivered and not even_undelivered:
            raise Misconfigured(
                f"{found.undelivered} objects are not delivered yet; wait until they are, or say --even-undelivered"
            )
        if found.at_work:
            raise Transient("a worker has a study of the patient in hand; try again in a minute")
        return found

    def erase(self, whom: Whom, found: Holdings) -> Certificate:
        """Erase what was found: cancel and mark, remove the files, delete the rows and record it.

        Raises:
            Transient: something can't be reached, or came meanwhile; run again, it goes on.
        """
        studies = list(found.studies)
        self.erasure.mark(studies)
        self.shredder.empty()
        names = Pseudonyms(key=secrets.token_bytes(_KEY_BYTES))
        issuer = next(iter(found.issuers), "")
        patient = names.of(issuer, whom.patient_id) if whom.patient_id else ""
        hashed = tuple(names.of(uid) for uid in found.studies.values())
        erased = self.erasure.finish(studies, actor=self.actor, told=_told(patient, hashed, found))
        return Certificate(key=names.key, patient=patient, studies=hashed, found=found, erased=erased)


def _told(patient: str, studies: tuple[str, ...], found: Holdings) -> str:
    """Return what the audit trail says: pseudonyms and numbers."""
    whom = f"patient hmac-sha256:{patient}; " if patient else ""
    numbers = ", ".join(f"{what} {count}" for what, count in found.counts.items())
    return f"{whom}studies {len(studies)} hmac-sha256:{','.join(studies)}; {numbers}"
