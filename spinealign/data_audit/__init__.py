"""Audit of a data set before anybody trains on it: leaks, copies, shortcuts, broken files.

The training commands and `spinealign audit` call `audit` or `audit_data`; nothing here needs
TensorFlow or any extra, and nothing of it is loaded before it is asked for. What an audit says is
`domain.data_audit`, its words are `wording.data_audit`, its files `data_audit.writing`.
"""

from spinealign.data_audit.run import (
    AuditOptions,
    AuditOutcome,
    AuditStep,
    Stage,
    audit,
    audit_data,
)
from spinealign.data_audit.tables import Columns

__all__ = [
    "AuditOptions",
    "AuditOutcome",
    "AuditStep",
    "Columns",
    "Stage",
    "audit",
    "audit_data",
]
