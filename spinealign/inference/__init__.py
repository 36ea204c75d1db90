"""Networks at work: arrays in, arrays out; no DICOM, no millimetres, no windows."""
