"""UIDs: derived, valid, and the same from version to version."""

from __future__ import annotations

import pydicom
import pytest

from dicom_node.identity import ReportSettings, uid_for

GOLDEN_UID = "1.2.3.2413610586205820467099718918739302896632162241276682705592"


@pytest.mark.parametrize("root", [None, "1.2.3", "1.2.826.0.1.3680043.10.1234567890123456789"])
def test_a_uid_is_valid_and_a_function_of_its_parts(root: str | None) -> None:
    """At most 64 characters, no leading zeros, different for different parts."""
    uids = {uid_for("a", str(number), root=root) for number in range(500)}
    assert len(uids) == 500
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)
    assert uid_for("a", "b", root=root) == uid_for("a", "b", root=root)
    assert uid_for("ab", "c", root=root) != uid_for("a", "bc", root=root)


def test_a_uid_without_root_is_a_uuid() -> None:
    """PS3.5 B.2: the decimal form of a UUID, here of version 8."""
    import uuid

    found = uuid.UUID(int=int(uid_for("a").removeprefix("2.25.")))
    assert (found.variant, str(found)[14]) == (uuid.RFC_4122, "8")


def test_a_uid_stays_the_same_from_version_to_version() -> None:
    """A changed derivation would report every study a second time."""
    assert uid_for("study", "digest", root="1.2.3") == GOLDEN_UID


@pytest.mark.parametrize("root", ["", "1.", "1.02", "9.1", "1.2." + "3" * 60, "a.b"])
def test_a_root_that_is_none_is_refused(root: str) -> None:
    """A typing error must not end in an invalid file."""
    with pytest.raises(ValueError, match="root"):
        ReportSettings(uid_root=root)
