"""Files for others without the patient: DICOM by PS3.15 Annex E, pictures, NIfTI volumes."""
