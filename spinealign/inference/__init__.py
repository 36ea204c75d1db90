"""Inference engines: input and output are arrays without spacing or DICOM data."""
