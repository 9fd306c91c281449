"""The DICOM edge: the only room that knows pydicom, pynetdicom and highdicom."""
