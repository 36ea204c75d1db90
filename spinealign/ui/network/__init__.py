"""DICOM nodes and DICOMweb servers in the window: configured, searched, sent to, received from."""
