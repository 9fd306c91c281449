"""An archive as its user: C-FIND to see what it has, C-GET or C-MOVE to bring it here (PS3.4 Annex C)."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role

from dicom_node.contexts import COMPRESSED, RECEIVED_SOP_CLASSES, UNCOMPRESSED
from dicom_node.instances import is_uid
from dicom_node.requestor import PeerAddress, Proposal, associated, status_of
from dicom_node.retrieval import Arrivals, StreamingProvider
from dicom_node.silence import quiet
from dicom_node.status import is_pending, passes, retrieval_status_name
from domain.archive import Query, RemoteSeries, RemoteStudy, Wanted
from domain.errors import Permanent, Transient
from domain.ids import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from pynetdicom.association import Association

    from dicom_node.arrivals import Storage
    from domain.ids import AeTitle

PATIENCE_S: Final = 300.0
"""The longest silence of an archive: it may fetch old studies from a tape."""

_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root Query/Retrieve Information Model - FIND
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_MOST_ANSWERS: Final = 100_000
"""To one query; an archive that goes on is not listened to."""


class Method(StrEnum):
    """How films come from an archive."""

    GET = "get"
    """On the association that we opened (PS3.4 C.4.3)."""
    MOVE = "move"
    """On one that the archive opens to our node (PS3.4 C.4.2)."""


class Interrupted(Exception):
    """Somebody asked to stop."""


class Incomplete(Exception):
    """The archive did not bring all that it was asked for; the text says what it answered."""


@contextmanager
def archive(
    peer: PeerAddress,
    calling: AeTitle,
    storage: Storage,
    stop: threading.Event,
    *,
    method: Method | None = None,
    patience_s: float = PATIENCE_S,
) -> Iterator[Archive]:
    """Open an association with an archive for queries and retrievals.

    Args:
        peer: the archive.
        calling: our AE title, also the destination of C-MOVE.
        storage: where films go that come by C-GET.
        stop: set by whoever wants to end early.
        method: None takes C-GET where the archive offers it, else C-MOVE.
        patience_s: the longest silence before the archive counts as away.

    Raises:
        Transient: the archive can't be reached or refuses.
        Permanent: it does not offer what is needed.
    """
    arrivals = Arrivals(storage, peer.ae_title, stop)
    with associated(peer, calling, proposal(method, patience_s)) as association:
        chosen = _method(association, method)
        association.dimse = provider = StreamingProvider(association, arrivals)
        try:
            yield Archive(association, chosen, arrivals, destination=calling, stop=stop)
        finally:
            provider.abandon()


def proposal(method: Method | None, patience_s: float = PATIENCE_S) -> Proposal:
    """Propose a context for each transfer syntax, so that the archive can send every film as it has it."""
    films = [] if method is Method.MOVE else RECEIVED_SOP_CLASSES
    models = {Method.GET: [_FIND, _GET], Method.MOVE: [_FIND, _MOVE], None: [_FIND, _GET, _MOVE]}
    return Proposal(
        service="query and retrieve",
        sop_classes=models[method],
        contexts=[build_context(film, [syntax]) for film in films for syntax in (*UNCOMPRESSED, *COMPRESSED)],
        roles=[build_role(film, scp_role=True) for film in films],
        patience_s=patience_s,
    )


def _method(association: Association, asked: Method | None) -> Method:
    contexts = association.accepted_contexts
    accepted = {str(context.abstract_syntax) for context in contexts}
    brings = any(context.as_scp and context.abstract_syntax in RECEIVED_SOP_CLASSES for context in contexts)
    if _FIND not in accepted:
        raise Permanent("the peer does not accept queries (Study Root C-FIND)")
    if asked is not Method.MOVE and _GET in accepted and brings:
        return Method.GET
    if asked is not Method.GET and _MOVE in accepted:
        return Method.MOVE
    raise Permanent(
        f"the peer does not accept {'C-GET or C-MOVE' if asked is None else f'C-{asked.upper()}'} for films"
    )


class Archive:
    """An archive that we are associated with."""

    def __init__(
        self,
        association: Association,
        method: Method,
        arrivals: Arrivals,
        *,
        destination: AeTitle,
        stop: threading.Event,
    ) -> None:
        self.method = method
        """How films come from it."""
        self.offers_move = any(context.abstract_syntax == _MOVE for context in association.accepted_contexts)
        """Whether there is another way than C-GET."""
        self._association = association
        self._arrivals = arrivals
        self._destination = destination
        self._stop = stop

    @property
    def trouble(self) -> Transient | None:
        """Why our disk or database can't take films now."""
        return self._arrivals.trouble

    def find(self, query: Query) -> Iterator[RemoteStudy]:
        """Yield the studies with films that match.

        Raises:
            Transient: the archive breaks off, does not answer, or is out of resources.
            Permanent: it refuses the query.
            Interrupted: it was to stop.
        """
        for found, study in self._matches(_study_keys(query), "StudyInstanceUID").items():
            modalities = _texts(study, "ModalitiesInStudy")
            if modalities and not query.modalities.intersection(modalities):
                continue
            uid = StudyUid(found)
            series = tuple(series for series in self._series(uid, query.modalities) if series.films)
            if series:
                yield RemoteStudy(study_uid=uid, date=_text(study, "StudyDate"), series=series)

    def retrieve(self, wanted: Wanted, advance: Callable[[int], None]) -> None:
        """Bring films here and return when the archive has tried each; `advance` is told how many more it did.

        Raises:
            Incomplete: the archive failed to bring some of them.
            Transient: the archive breaks off or does not answer, or our disk or database can't take films now.
            Interrupted: it was to stop.
        """
        done = 0
        for status, answer in self._answers(self._retrieval(wanted)):
            tried = min(sum(_counts(answer)), len(wanted.films))
            advance(max(tried - done, 0))
            done = max(tried, done)
            if not is_pending(status):
                advance(len(wanted.films) - done)
                if self.trouble is not None:
                    raise self.trouble
                _judge(status, answer)

    def _series(self, study_uid: StudyUid, modalities: frozenset[str]) -> Iterator[RemoteSeries]:
        for uid, series in self._matches(_series_keys(study_uid), "SeriesInstanceUID").items():
            if _text(series, "Modality") in {"", *modalities}:
                yield self._films(study_uid, SeriesUid(uid))

    def _films(self, study_uid: StudyUid, series_uid: SeriesUid) -> RemoteSeries:
        instances = self._matches(_film_keys(study_uid, series_uid), "SOPInstanceUID")
        films = tuple(
            SopInstanceUid(uid)
            for uid, one in instances.items()
            if _text(one, "SOPClassUID") in {"", *RECEIVED_SOP_CLASSES}  # a PACS need not tell it (PS3.4 C.6.1.1)
        )
        return RemoteSeries(series_uid=series_uid, films=films, others=len(instances) - len(films))

    def _matches(self, keys: Dataset, unique: str) -> dict[str, Dataset]:
        """Return all matches of a query by their unique key, before the next one is asked on this association."""
        found: dict[str, Dataset] = {}
        with quiet():
            for status, identifier in self._answers(lambda: self._association.send_c_find(keys, _FIND)):
                if is_pending(status):
                    found.setdefault(_uid(identifier, unique), identifier)
                elif status != 0:
                    kind = Transient if passes(status) else Permanent
                    raise kind(f"the peer refused the query: {retrieval_status_name(status)} (0x{status:04X})")
                if len(found) > _MOST_ANSWERS:
                    self._association.abort()
                    raise Permanent(f"more than {_MOST_ANSWERS} matches; ask for less")
        return found

    def _retrieval(self, wanted: Wanted) -> Callable[[], Iterator[tuple[Dataset, Dataset | None]]]:
        keys = _keys("SERIES", StudyInstanceUID=wanted.study_uid, SeriesInstanceUID=wanted.series_uid)
        if not wanted.is_whole_series:
            keys.QueryRetrieveLevel = "IMAGE"
            keys.SOPInstanceUID = list(wanted.films)
        if self.method is Method.GET:
            return lambda: self._association.send_c_get(keys, _GET)
        return lambda: self._association.send_c_move(keys, self._destination, _MOVE)

    def _answers(self, ask: Callable[[], Iterator[tuple[Dataset, Dataset | None]]]) -> Iterator[tuple[int, Dataset]]:
        """Yield status and content of each answer: the identifier of a match, else the response itself."""
        try:
            for response, identifier in ask():
                if self._stop.is_set():
                    self._association.abort()
                    raise Interrupted
                status = status_of(response)
                yield status, identifier if identifier is not None and is_pending(status) else response
        except (RuntimeError, ValueError) as error:
            raise Transient("the peer broke off the association") from error


def _judge(status: int, response: Dataset) -> None:
    """Compare what an archive says at the end of a retrieval with what was to be done."""
    _, failed, _ = _counts(response)
    if status == 0 and not failed:
        return
    words = f"{retrieval_status_name(status)} (0x{status:04X})"
    raise Incomplete(f"{words}, {failed} failed" if failed else words)


def _counts(response: Dataset) -> tuple[int, int, int]:
    """Return the sub-operations that were completed, failed, and completed with a warning."""
    completed, failed, warning = (
        int(response.get(f"NumberOf{kind}Suboperations") or 0) for kind in ("Completed", "Failed", "Warning")
    )
    return completed, failed, warning


def _study_keys(query: Query) -> Dataset:
    keys = _keys(
        "STUDY",
        StudyDate=query.date,
        StudyInstanceUID=list(query.study_uids) or "",
        PatientID=query.patient_id,
        AccessionNumber=query.accession_number,
        ModalitiesInStudy="",
    )
    if not (query.patient_id + query.accession_number).isascii():
        keys.SpecificCharacterSet = "ISO_IR 192"
    return keys


def _series_keys(study_uid: str) -> Dataset:
    return _keys("SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", Modality="")


def _film_keys(study_uid: str, series_uid: str) -> Dataset:
    return _keys("IMAGE", StudyInstanceUID=study_uid, SeriesInstanceUID=series_uid, SOPInstanceUID="", SOPClassUID="")


def asked_keys() -> tuple[Dataset, ...]:
    """Return the identifiers that an archive is asked with, one for each level; their values mean nothing."""
    return _study_keys(Query(date="20260102")), _series_keys(""), _film_keys("", "")


def _keys(level: str, **keys: str | list[str] | list[StudyUid]) -> Dataset:
    with quiet():
        identifier = Dataset()
        identifier.QueryRetrieveLevel = level
        for keyword, value in keys.items():
            setattr(identifier, keyword, value)
    return identifier


def _texts(match: Dataset, keyword: str) -> tuple[str, ...]:
    try:
        value = match.get(keyword)
    except Exception:  # noqa: BLE001 - whatever a converter raises on a broken value, the value counts as absent
        return ()
    if value is None or value == "":
        return ()
    return (value.strip(),) if isinstance(value, str) else tuple(str(one).strip() for one in value)


def _uid(match: Dataset, keyword: str) -> str:
    """Return the unique key of a match (PS3.4 C.2.2.1); an empty one in the next query would match everything."""
    uid = _text(match, keyword)
    if not is_uid(uid):
        raise Permanent("the peer answered a query without the UID of the match")
    return uid


def _text(match: Dataset, keyword: str) -> str:
    return next(iter(_texts(match, keyword)), "")
