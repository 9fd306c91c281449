"""Writes `dicom_node/specimens`: one small film in each transfer syntax that the node accepts.

`python tests/assets/make_specimens.py`, from the repository's root. No patient: the picture is a slope with a grid.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from dicom_node.contexts import COMPRESSED, UNCOMPRESSED
from dicom_node.specimens import BITS, FOLDER, picture
from dicom_node.wrap import wrap_film
from tests.encodings import encoded


def main() -> None:
    """Write every specimen."""
    for syntax in (*UNCOMPRESSED, *COMPRESSED):
        bits = BITS.get(syntax, 12)
        values = (picture() * (2**bits - 1)).round().astype(np.uint8 if bits == 8 else np.uint16)
        film = wrap_film(values, patient_id="SPECIMEN", patient_name="Specimen")
        film.BitsStored, film.HighBit = bits, bits - 1
        film.WindowCenter, film.WindowWidth = 2 ** (bits - 1), 2**bits
        encoded(film, syntax).save_as(FOLDER / f"{syntax}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    main()
