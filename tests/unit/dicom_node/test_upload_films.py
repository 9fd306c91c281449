"""Files that people upload, as films."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from dicom_node.uploads import film_of
from domain.uploads import BadUpload, PictureView, Refusal, UploadKind, Wish
from tests.doors import as_file
from tests.films import PATIENT, copy_of, film
from tests.uploading import jpeg, png_bomb


def made(content: bytes, *, wish: Wish | None = None, account: int = 1, number: str = "a") -> Dataset:
    kind = UploadKind.of(content)
    assert kind is not None
    return copy_of(film_of(BytesIO(content), kind, wish or Wish(), account=account, number=number))


def refusal(content: bytes, kind: UploadKind) -> Refusal:
    with pytest.raises(BadUpload) as caught:
        film_of(BytesIO(content), kind, Wish(), account=1, number="a")
    return caught.value.refusal


def named() -> Dataset:
    """Return a film that names its patient in many places."""
    whole = film(1)
    whole.PatientBirthDate, whole.OtherPatientIDs, whole.PatientAddress = "19500101", "Sekret-2", "Sekret street 1"
    whole.ReferringPhysicianName, whole.InstitutionName = "Sekret^Doctor", "Sekret clinic"
    item, inner = Dataset(), Dataset()
    item.PatientName, item.AccessionNumber = PATIENT, "Sekret-3"
    inner.PatientID, inner.RequestingPhysician = "Sekret-4", "Sekret^Other"
    item.ReferencedRequestSequence = [inner]
    whole.ReferencedRequestSequence = [item]
    whole.add_new(0x00090010, "LO", "SOMEBODY")
    whole.add_new(0x00091001, "LO", "Sekret-5")
    return whole


def test_a_film_without_names_names_nobody() -> None:
    """Neither at the top nor in a sequence, nor where a manufacturer put it."""
    content = as_file(named())
    assert b"ekret" in content
    film = made(content)
    assert b"ekret" not in as_file(film)
    assert b"SECRET" not in as_file(film)
    assert str(film.PatientName).startswith("Upload^")
    assert (film.PatientBirthDate, film.AccessionNumber, film.PatientSex) == ("", "", "")
    assert np.array_equal(film.pixel_array, named().pixel_array)


def test_a_film_keeps_its_names_where_that_is_wished() -> None:
    """All but its UIDs."""
    film = made(as_file(named()), wish=Wish(removes_names=False))
    assert (film.PatientName, film.PatientID, film.InstitutionName) == (PATIENT, "SECRET-ID-1", "Sekret clinic")
    assert film.StudyInstanceUID != named().StudyInstanceUID


def test_films_of_one_study_become_one_study_of_their_account() -> None:
    """Nobody's film comes into a study of another account, or into one that came by another way."""
    first, second = film(1, study=1), film(2, study=1, view="AP")
    second.StudyInstanceUID = first.StudyInstanceUID
    ours = [made(as_file(one)) for one in (first, second, first)]
    theirs = made(as_file(first), account=2)
    assert len({one.StudyInstanceUID for one in ours}) == 1
    assert len({one.SOPInstanceUID for one in ours}) == 2
    assert len({ours[0].StudyInstanceUID, theirs.StudyInstanceUID, first.StudyInstanceUID}) == 3
    assert as_file(ours[0]) == as_file(ours[2])


def test_two_contents_under_one_uid_are_two_films() -> None:
    """Neither hides the other, and both are of one study."""
    first, second = film(1), film(1)
    second.SeriesDescription = "another"
    ours = [made(as_file(one)) for one in (first, second)]
    assert ours[0].SOPInstanceUID != ours[1].SOPInstanceUID
    assert ours[0].StudyInstanceUID == ours[1].StudyInstanceUID


def test_a_picture_becomes_a_film_of_its_pixels_alone() -> None:
    """What its EXIF says is gone."""
    content = jpeg(exif="Sekret, Maria")
    assert b"Sekret" in content
    film = made(content, wish=Wish(view=PictureView.AP))
    assert b"Sekret" not in as_file(film)
    assert (film.ViewPosition, film.Rows, film.Columns, film.BitsStored) == ("AP", 200, 300, 8)
    assert (film.LossyImageCompression, str(film.PatientID)[:7]) == ("01", "UPLOAD-")
    assert made(content, number="b").StudyInstanceUID != film.StudyInstanceUID


def test_a_picture_of_sixteen_bits_keeps_them() -> None:
    """As films have more than eight."""
    slope = np.linspace(0, 65535, 20_000).astype(np.uint16).reshape(100, 200)
    content = BytesIO()
    Image.fromarray(slope).save(content, "PNG")
    film = made(content.getvalue())
    assert (film.BitsStored, film.LossyImageCompression) == (16, "00")
    assert np.array_equal(film.pixel_array, slope)


def test_what_is_no_film_is_refused_with_its_reason() -> None:
    """Each in a sentence of its own."""
    blank = BytesIO()
    Image.new("L", (100, 100), 128).save(blank, "PNG")
    slice_of_a_body = film(1)
    slice_of_a_body.SOPClassUID = CTImageStorage
    slice_of_a_body.file_meta.MediaStorageSOPClassUID = CTImageStorage
    nameless = film(1)
    nameless.StudyInstanceUID = ""
    assert refusal(jpeg()[:2000], UploadKind.JPEG) is Refusal.DAMAGED
    assert refusal(jpeg(size=(40, 40)), UploadKind.JPEG) is Refusal.NOTHING_TO_SEE
    assert refusal(blank.getvalue(), UploadKind.PNG) is Refusal.NOTHING_TO_SEE
    assert refusal(png_bomb(), UploadKind.PNG) is Refusal.TOO_MANY_PIXELS
    assert refusal(as_file(slice_of_a_body), UploadKind.DICOM) is Refusal.NO_FILM
    assert refusal(as_file(nameless), UploadKind.DICOM) is Refusal.DAMAGED
    assert refusal(bytes(128) + b"DICM and nothing else", UploadKind.DICOM) is Refusal.DAMAGED
