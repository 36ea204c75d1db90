"""What passes between SpineAlign and other nodes of a network: failures, queries, deliveries.

Values that hold patient data keep them out of their representation, so that no log or crash
report holds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from spinealign.domain.errors import SpineAlignError

MOST_ANSWERS = 500
"""Of a query; more than that nobody reads, and the peer is told to stop."""


class NetworkProblem(StrEnum):
    """Why something on the network failed."""

    # Connecting
    HOST_NOT_FOUND = "host_not_found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    CLOSED = "closed"
    # TLS
    CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NAME = "certificate_name"
    CERTIFICATE_FILE = "certificate_file"
    CA_FILE = "ca_file"
    TLS_FAILED = "tls_failed"
    # DICOM association
    CALLING_TITLE = "calling_title"
    CALLED_TITLE = "called_title"
    BUSY = "busy"
    REJECTED = "rejected"
    ABORTED = "aborted"
    NOTHING_ACCEPTED = "nothing_accepted"
    NOT_SUPPORTED = "not_supported"
    TRANSFER_SYNTAX = "transfer_syntax"
    # Answers
    PEER_FULL = "peer_full"
    NOT_AUTHORISED = "not_authorised"
    OBJECT_REFUSED = "object_refused"
    UNKNOWN_DESTINATION = "unknown_destination"
    SOME_NOT_RETRIEVED = "some_not_retrieved"
    STATUS = "status"
    BROKE_AT_OBJECT = "broke_at_object"
    NOT_COMMITTED = "not_committed"
    NO_COMMITMENT_RESULT = "no_commitment_result"
    # HTTP
    HTTP_UNAUTHORISED = "http_unauthorised"
    HTTP_FORBIDDEN = "http_forbidden"
    HTTP_NOT_FOUND = "http_not_found"
    HTTP_STATUS = "http_status"
    NOT_DICOMWEB = "not_dicomweb"
    SECRET_NEEDED = "secret_needed"
    SECRET_UNENCRYPTED = "secret_unencrypted"
    # On this side
    UNKNOWN_PEER = "unknown_peer"
    PEER_EXISTS = "peer_exists"
    SETTINGS_BROKEN = "settings_broken"
    SETTINGS_INVALID = "settings_invalid"
    NOT_DICOM = "not_dicom"
    FILE_LOST = "file_lost"
    CUT_OFF = "cut_off"
    PIXELS_SHORT = "pixels_short"
    SAME_UID = "same_uid"
    NOTHING_FOUND = "nothing_found"
    OWN_PORT = "own_port"
    NO_RULES = "no_rules"
    OTHER_STUDY = "other_study"
    ANALYSIS_FAILED = "analysis_failed"
    DISK = "disk"


_OF_PERSON = frozenset(
    {
        NetworkProblem.CERTIFICATE_NOT_TRUSTED, NetworkProblem.CERTIFICATE_EXPIRED,
        NetworkProblem.CERTIFICATE_NAME, NetworkProblem.CERTIFICATE_FILE, NetworkProblem.CA_FILE,
        NetworkProblem.CALLING_TITLE, NetworkProblem.CALLED_TITLE,
        NetworkProblem.NOTHING_ACCEPTED, NetworkProblem.NOT_SUPPORTED,
        NetworkProblem.TRANSFER_SYNTAX, NetworkProblem.NOT_AUTHORISED,
        NetworkProblem.OBJECT_REFUSED, NetworkProblem.HTTP_UNAUTHORISED,
        NetworkProblem.HTTP_FORBIDDEN, NetworkProblem.HTTP_NOT_FOUND,
        NetworkProblem.NOT_DICOMWEB, NetworkProblem.SECRET_NEEDED,
        NetworkProblem.SECRET_UNENCRYPTED, NetworkProblem.UNKNOWN_PEER,
        NetworkProblem.NOT_DICOM, NetworkProblem.FILE_LOST, NetworkProblem.SAME_UID,
        NetworkProblem.CUT_OFF, NetworkProblem.PIXELS_SHORT,
        NetworkProblem.ANALYSIS_FAILED,
    }
)  # fmt: skip


class NetworkError(SpineAlignError):
    """Something on the network failed.

    Parameters
    ----------
    problem : NetworkProblem
    peer : str
        Name of the other node as the user gave it; empty where none is concerned.
    detail : str
        Numbers and names of the system's that help; never patient data.
    """

    def __init__(self, problem: NetworkProblem, peer: str = "", detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.problem = problem
        self.peer = peer
        self.detail = detail

    @property
    def waits_for_person(self) -> bool:
        """Whether trying again by itself is useless until somebody changes something."""
        return self.problem in _OF_PERSON


class Service(StrEnum):
    """What another node can be asked for."""

    VERIFY = "verify"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    WORKLIST = "worklist"
    COMMITMENT = "commitment"


@dataclass(frozen=True)
class PeerTest:
    """What a test of a connection found.

    Parameters
    ----------
    peer : str
    failure : NetworkError or None
        None if the peer answered.
    services : tuple of Service
        What the peer accepted of what was offered.
    seconds : float
        How long the answer took.
    """

    peer: str
    failure: NetworkError | None = None
    services: tuple[Service, ...] = ()
    seconds: float = 0.0

    @property
    def has_passed(self) -> bool:
        """Whether the peer answered."""
        return self.failure is None


@dataclass(frozen=True)
class StudyQuery:
    """What is searched for; an empty text matches everything.

    Parameters
    ----------
    patient_name : str
        As DICOM writes it ("DOE^JOHN"); "*" and "?" stand for letters, and the beginning is enough.
    patient_id, accession_number : str
        Whole, or with "*" and "?".
    first_date, last_date : str
        YYYYMMDD; either may be empty.
    modality : str
        Such as "MR".
    """

    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    first_date: str = ""
    last_date: str = ""
    modality: str = ""

    def halves(self) -> tuple[StudyQuery, ...]:
        """Return the same for the earlier and the later days; empty where no range has both."""
        try:
            first, last = date.fromisoformat(self.first_date), date.fromisoformat(self.last_date)
        except ValueError:
            return ()
        if first >= last:
            return ()
        middle = first + (last - first) // 2
        return (
            replace(self, last_date=f"{middle:%Y%m%d}"),
            replace(self, first_date=f"{middle + timedelta(days=1):%Y%m%d}"),
        )

    @property
    def dates(self) -> str:
        """The dates as DICOM matches a range (PS3.4 C.2.2.2.5)."""
        if self.first_date == self.last_date:
            return self.first_date
        return f"{self.first_date}-{self.last_date}"

    @property
    def name_key(self) -> str:
        """The name as it is matched: whatever begins like it."""
        name = self.patient_name.strip()
        return name if not name or "*" in name or "?" in name else f"{name}*"


@dataclass(frozen=True)
class FoundStudy:
    """A study that another node has; texts are empty where it does not say."""

    study_uid: str = field(repr=False)
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    date: str = ""
    time: str = ""
    description: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    modalities: tuple[str, ...] = ()
    series_count: int | None = None
    instance_count: int | None = None


@dataclass(frozen=True)
class FoundSeries:
    """A series of a study that another node has."""

    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    number: str = ""
    modality: str = ""
    description: str = field(default="", repr=False)
    body_part: str = ""
    instance_count: int | None = None


@dataclass(frozen=True)
class WorklistItem:
    """A scheduled procedure step of a modality worklist (PS3.4 K.6)."""

    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    procedure: str = field(default="", repr=False)
    modality: str = ""
    station: str = ""
    date: str = ""
    time: str = ""


class DeliveryState(StrEnum):
    """Where an object on its way to another node stands."""

    WAITING = "waiting"
    SENT = "sent"
    ASKED = "asked"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """An object on its way to another node.

    Parameters
    ----------
    number : int
        By which it is tried again or taken away.
    peer : str
    sop_uid : str
    state : DeliveryState
        Sent objects wait for the commitment of the other node, where that is asked for.
    attempts : int
        How often it was tried in vain.
    next_at : float
        When it is tried next, in seconds since 1970.
    failure : NetworkError or None
        Why the last attempt failed.
    sop_class : str
        Which kind of object it is.
    file : str
        Name of the file that was queued, for the list that its user sees; it may name a patient.
    series_number, instance_number : str
        As the object states them; empty where it does not.
    """

    number: int
    peer: str
    sop_uid: str = field(repr=False)
    state: DeliveryState
    attempts: int
    next_at: float
    failure: NetworkError | None
    sop_class: str = ""
    file: str = field(default="", repr=False)
    series_number: str = ""
    instance_number: str = ""

    @property
    def tries(self) -> int:
        """How often it was sent, in vain or not."""
        is_there = (DeliveryState.SENT, DeliveryState.ASKED, DeliveryState.DELIVERED)
        return self.attempts + (self.state in is_there)


class ArrivalState(StrEnum):
    """Where a series that was received stands."""

    ARRIVING = "arriving"
    ANALYSING = "analysing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class ArrivedSeries:
    """A series that was received, all of one patient.

    Parameters
    ----------
    number : int
        By which it is analysed again.
    folder : str
        Its folder in the receiver's own one.
    state : ArrivalState
    calling_title : str
    modality : str
    instance_count : int
    attempts : int
    next_at : float
        When it is analysed (again), in seconds since 1970.
    failure : NetworkError or None
    conflicts : int
        How many other objects with the UID of one of these were refused.
    """

    number: int
    folder: str
    state: ArrivalState
    calling_title: str
    modality: str
    instance_count: int
    attempts: int
    next_at: float
    failure: NetworkError | None
    conflicts: int = 0
