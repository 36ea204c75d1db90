"""The audit trail: who did what, when, to whose images; append-only and chained by keyed checksums.

Events and their codes are those of DICOM PS3.15 A.5 (Audit Trail Message Format). The layer knows
neither the window nor the archive: it is handed a connection of a database, a key and the place
of the anchor.
"""
