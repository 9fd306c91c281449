"""The small films by which a machine shows that it can read what the node accepts."""

from __future__ import annotations

import shutil
from pathlib import Path

from dicom_node.contexts import COMPRESSED, UNCOMPRESSED
from dicom_node.specimens import FOLDER, read_all


def test_every_accepted_syntax_has_a_specimen_that_can_be_read() -> None:
    """Each file is in the syntax that its name says."""
    assert {path.stem for path in FOLDER.glob("*.dcm")} == {*UNCOMPRESSED, *COMPRESSED}
    assert dict(read_all()) == dict.fromkeys(dict(read_all()), "")
    for file in FOLDER.glob("*.dcm"):
        assert file.stem.encode() in file.read_bytes()[:400]


def test_a_specimen_that_decodes_to_nothing_or_something_else_is_told(tmp_path: Path) -> None:
    """One cut off, one that shows something else."""
    folder = tmp_path / "specimens"
    shutil.copytree(FOLDER, folder)
    rle, explicit = folder / "1.2.840.10008.1.2.5.dcm", folder / "1.2.840.10008.1.2.1.dcm"
    rle.write_bytes(rle.read_bytes()[:-1000])
    explicit.write_bytes(explicit.read_bytes()[:-4000] + bytes(4000))
    troubles = {name: trouble for name, trouble in read_all(folder) if trouble}
    assert set(troubles) == {"RLE Lossless", "Explicit VR Little Endian"}
    assert "can't be decoded" in troubles["RLE Lossless"]
    assert "another picture" in troubles["Explicit VR Little Endian"]
