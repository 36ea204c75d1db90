"""What is recorded: events, who took part, and what they were about.

Codes and the make-up of each event: DICOM PS3.15 A.5.3, context groups CID 400 to 405 of PS3.16.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

import msgspec


class EventKind(StrEnum):
    """What happened."""

    APPLICATION_START = "application_start"
    APPLICATION_STOP = "application_stop"
    LOGIN = "login"
    LOGOUT = "logout"
    LOCK = "lock"
    UNLOCK = "unlock"
    VIEW = "view"
    CHANGE = "change"
    SIGN = "sign"
    EXPORT = "export"
    BEGIN_TRANSFER = "begin_transfer"
    SEND = "send"
    RECEIVE = "receive"
    NODE_REFUSED = "node_refused"
    QUERY = "query"
    IMPORT = "import"
    DELETE = "delete"
    DEIDENTIFY = "deidentify"
    BACK_UP = "back_up"
    RESTORE = "restore"
    CHECK = "check"
    DRILL = "drill"
    USER_ADMINISTRATION = "user_administration"
    MODELS = "models"
    MODEL_SIGNERS = "model_signers"
    AUDIT_LOG_USED = "audit_log_used"
    AUDIT_LOG_DAMAGED = "audit_log_damaged"


class Outcome(IntEnum):
    """How it went. Source: PS3.15 A.5.1, EventOutcomeIndicator."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8
    MAJOR_FAILURE = 12


class ObjectKind(StrEnum):
    """What an event was about."""

    PATIENT = "patient"
    STUDY = "study"
    READING = "reading"
    USER = "user"
    QUERY = "query"
    AUDIT_LOG = "audit_log"
    NODE = "node"
    FILE = "file"
    MODEL = "model"
    SIGNER = "signer"


@dataclass(frozen=True)
class Code:
    """A coded term; of the scheme DCM where nothing else is said."""

    value: str
    meaning: str
    scheme: str = "DCM"


@dataclass(frozen=True)
class EventCodes:
    """How PS3.15 A.5 says an event.

    Parameters
    ----------
    event : Code
        Of CID 400.
    action : str
        C create, R read, U update, D delete, E execute.
    event_type : Code, optional
        Of CID 401.
    """

    event: Code
    action: Literal["C", "R", "U", "D", "E"]
    event_type: Code | None = None


_APPLICATION_ACTIVITY = Code("110100", "Application Activity")
_AUDIT_LOG_USED = Code("110101", "Audit Log Used")
_BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
_INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
_INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
_STUDY_DELETED = Code("110105", "DICOM Study Deleted")
_EXPORT = Code("110106", "Export")
_IMPORT = Code("110107", "Import")
_PATIENT_RECORD = Code("110110", "Patient Record")
_QUERY = Code("110112", "Query")
_SECURITY_ALERT = Code("110113", "Security Alert")
_USER_AUTHENTICATION = Code("110114", "User Authentication")

OWN_SCHEME = "99SPINEALIGN"
"""Of codes that DICOM has none for. Source: PS3.16 section 8.2: private schemes begin with 99."""

# Both read every image and change nothing. A "DICOM Instances Accessed" would have to name patient
# and studies (PS3.15 A.5.3.6), which thousands are, and nobody sees any of them.
_ARCHIVE_CHECKED = Code("archive-check", "Archive Checked", OWN_SCHEME)
_BACK_UP_TRIED = Code("back-up-drill", "Back-up Restored For Trial", OWN_SCHEME)

EVENT_CODES: dict[EventKind, EventCodes] = {
    EventKind.APPLICATION_START: EventCodes(
        _APPLICATION_ACTIVITY, "E", Code("110120", "Application Start")
    ),
    EventKind.APPLICATION_STOP: EventCodes(
        _APPLICATION_ACTIVITY, "E", Code("110121", "Application Stop")
    ),
    EventKind.LOGIN: EventCodes(_USER_AUTHENTICATION, "E", Code("110122", "Login")),
    EventKind.LOGOUT: EventCodes(_USER_AUTHENTICATION, "E", Code("110123", "Logout")),
    EventKind.LOCK: EventCodes(_USER_AUTHENTICATION, "E", Code("110146", "Session stop")),
    EventKind.UNLOCK: EventCodes(_USER_AUTHENTICATION, "E", Code("110145", "Session start")),
    EventKind.VIEW: EventCodes(_INSTANCES_ACCESSED, "R"),
    EventKind.CHANGE: EventCodes(_INSTANCES_ACCESSED, "U"),
    EventKind.SIGN: EventCodes(_PATIENT_RECORD, "U"),
    EventKind.EXPORT: EventCodes(_EXPORT, "R"),
    EventKind.BEGIN_TRANSFER: EventCodes(_BEGIN_TRANSFERRING, "E"),
    EventKind.SEND: EventCodes(_INSTANCES_TRANSFERRED, "R"),
    EventKind.RECEIVE: EventCodes(_INSTANCES_TRANSFERRED, "C"),
    EventKind.NODE_REFUSED: EventCodes(_SECURITY_ALERT, "E", Code("110126", "Node Authentication")),
    EventKind.QUERY: EventCodes(_QUERY, "E"),
    EventKind.IMPORT: EventCodes(_IMPORT, "C"),
    EventKind.DELETE: EventCodes(_STUDY_DELETED, "D"),
    EventKind.DEIDENTIFY: EventCodes(_EXPORT, "R"),
    EventKind.BACK_UP: EventCodes(_EXPORT, "R"),
    EventKind.RESTORE: EventCodes(_IMPORT, "C"),
    EventKind.CHECK: EventCodes(_ARCHIVE_CHECKED, "R"),
    EventKind.DRILL: EventCodes(_BACK_UP_TRIED, "R"),
    EventKind.USER_ADMINISTRATION: EventCodes(
        _SECURITY_ALERT, "E", Code("110137", "User Security Attributes Changed")
    ),
    EventKind.MODELS: EventCodes(_SECURITY_ALERT, "E", Code("110131", "Software Configuration")),
    EventKind.MODEL_SIGNERS: EventCodes(
        _SECURITY_ALERT, "E", Code("110129", "Security Configuration")
    ),
    EventKind.AUDIT_LOG_USED: EventCodes(_AUDIT_LOG_USED, "R"),
    EventKind.AUDIT_LOG_DAMAGED: EventCodes(
        _SECURITY_ALERT, "E", Code("110135", "Object Security Attributes Changed")
    ),
}
"""One row an event. Source: PS3.15 A.5.3.1 to A.5.3.15; types of CID 401."""


class AuditObject(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an event was about.

    Parameters
    ----------
    kind : ObjectKind
    identifier : str
        Patient ID, Study Instance UID, number of a reading, name of a user, address of a node.
    name : str
        As people know it; a patient's name only for `ObjectKind.PATIENT`.
    query : str
        What was searched for, for `ObjectKind.QUERY`.
    sop_class_uid : str
        For studies and queries.
    instances : int
        How many objects of that class.
    """

    kind: ObjectKind
    identifier: str
    name: str = ""
    query: str = ""
    sop_class_uid: str = ""
    instances: int = 0


class AuditEvent(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One event of the trail.

    Parameters
    ----------
    kind : EventKind
    at_utc : str
        "2026-11-29T15:04:05.123456Z", by the clock of this computer.
    user : str
        Name of the account, or of the operating system's account where there are none.
    outcome : Outcome
    description : str
        Why it failed, or what was changed; no values of patients.
    objects : tuple of AuditObject
    peer : str
        Node that sent or received, as "TITLE@host:port" or an address of the web.
    process : int
        Number of the process.
    """

    kind: EventKind
    at_utc: str
    user: str
    outcome: Outcome = Outcome.SUCCESS
    description: str = ""
    objects: tuple[AuditObject, ...] = ()
    peer: str = ""
    process: int = 0
