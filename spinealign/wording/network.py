"""Words for the network: failures, states, and what the commands print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spinealign.domain.network import (
    ArrivalState,
    ArrivedSeries,
    Delivery,
    DeliveryState,
    FoundSeries,
    FoundStudy,
    NetworkError,
    NetworkProblem,
    PeerTest,
    Service,
    WorklistItem,
)
from spinealign.wording.text import listed, safe_text

NETWORK_WORDS: dict[NetworkProblem, tuple[str, str]] = {
    NetworkProblem.HOST_NOT_FOUND: (
        "The host of “{name}” was not found{detail}.",
        "Check the spelling of its name, and whether this computer is on the right network.",
    ),
    NetworkProblem.REFUSED: (
        "Nobody listens where “{name}” should be{detail}.",
        "Check host and port, and whether the other program is running.",
    ),
    NetworkProblem.UNREACHABLE: (
        "There is no way to the host of “{name}”{detail}.",
        "Check the address and the network connection; a firewall may be in between.",
    ),
    NetworkProblem.TIMED_OUT: (
        "The peer “{name}” did not answer in time{detail}.",
        "Try again later; if it stays so, check host, port and firewall with its administrator.",
    ),
    NetworkProblem.CLOSED: (
        "The peer “{name}” closed the connection without an answer{detail}.",
        "Check the port, and whether the other side expects an encrypted connection (TLS).",
    ),
    NetworkProblem.CERTIFICATE_NOT_TRUSTED: (
        "The certificate of “{name}” comes from an authority that is not trusted{detail}.",
        "Ask its administrator for the certificate of the authority and enter it as CA file.",
    ),
    NetworkProblem.CERTIFICATE_EXPIRED: (
        "The certificate of “{name}” has expired or is not valid yet.",
        "Check the date of this computer, then ask its administrator to renew the certificate.",
    ),
    NetworkProblem.CERTIFICATE_NAME: (
        "The certificate of “{name}” is for another host.",
        "Enter the host by the name that its certificate carries.",
    ),
    NetworkProblem.CERTIFICATE_FILE: (
        "The files of certificate and key for “{name}” cannot be used{detail}.",
        "Check the paths; certificate and key must belong together, as PEM, without a password.",
    ),
    NetworkProblem.CA_FILE: (
        "The file of trusted authorities for “{name}” cannot be used{detail}.",
        "Choose a file that holds the authority’s certificate as PEM.",
    ),
    NetworkProblem.TLS_FAILED: (
        "The encrypted connection (TLS) with “{name}” failed{detail}.",
        "Check whether the other side uses TLS on this port, and wants a certificate of ours.",
    ),
    NetworkProblem.CALLING_TITLE: (
        "The peer “{name}” does not know this program’s AE title{detail}.",
        "Ask its administrator to register this AE title and host, or enter the one it knows.",
    ),
    NetworkProblem.CALLED_TITLE: (
        "The peer “{name}” says that it has another AE title{detail}.",
        "Check the spelling of its AE title; capitals count.",
    ),
    NetworkProblem.BUSY: (
        "The peer “{name}” is too busy for another connection.",
        "It is tried again by itself; or try again later.",
    ),
    NetworkProblem.REJECTED: (
        "The peer “{name}” rejected the connection without saying why.",
        "Ask its administrator whether this program’s AE title and host are registered.",
    ),
    NetworkProblem.ABORTED: (
        "The peer “{name}” broke off the connection.",
        "Check host, port and TLS, and whether it knows this program’s AE title.",
    ),
    NetworkProblem.NOTHING_ACCEPTED: (
        "The peer “{name}” accepted none of the services or kinds of object that were offered.",
        "Ask its administrator whether it takes them from this AE title.",
    ),
    NetworkProblem.NOT_SUPPORTED: (
        "The peer “{name}” does not offer this service, or does not take this kind of object"
        "{detail}.",
        "Use another peer for it, or ask its administrator to allow it.",
    ),
    NetworkProblem.TRANSFER_SYNTAX: (
        "The peer “{name}” does not take the compression of this object.",
        "Send an uncompressed copy, or ask its administrator to allow this transfer syntax.",
    ),
    NetworkProblem.PEER_FULL: (
        "The peer “{name}” has no room for more objects{detail}.",
        "It is tried again by itself; tell its administrator.",
    ),
    NetworkProblem.NOT_AUTHORISED: (
        "The peer “{name}” does not allow this{detail}.",
        "Ask its administrator to allow it for this program’s AE title, then press Retry.",
    ),
    NetworkProblem.OBJECT_REFUSED: (
        "The peer “{name}” refused the object{detail}.",
        "Ask its administrator what it says in its log at this time, then press Retry.",
    ),
    NetworkProblem.UNKNOWN_DESTINATION: (
        "The peer “{name}” does not know where to send the images{detail}.",
        "Ask its administrator to register this program’s AE title with host and port.",
    ),
    NetworkProblem.SOME_NOT_RETRIEVED: (
        "The peer “{name}” could not send some of the images{detail}.",
        "Try again; check whether it knows host and port of this program.",
    ),
    NetworkProblem.STATUS: (
        "The peer “{name}” answered with a failure{detail}.",
        "Ask its administrator what this status means there.",
    ),
    NetworkProblem.BROKE_AT_OBJECT: (
        "The peer “{name}” broke off the connection, or did not answer, while an object was sent"
        "{detail}.",
        "Other objects go on without it. Where they arrive, take this one out of the queue and "
        "send a whole copy; where none does, ask whether the peer knows this program’s AE title.",
    ),
    NetworkProblem.NOT_COMMITTED: (
        "The peer “{name}” did not commit itself to keep the object.",
        "It is sent again by itself; if that repeats, tell its administrator.",
    ),
    NetworkProblem.NO_COMMITMENT_RESULT: (
        "The peer “{name}” has not said yet whether it keeps the object.",
        "It is asked again by itself; this program’s receiver must be running for its answer.",
    ),
    NetworkProblem.HTTP_UNAUTHORISED: (
        "The server “{name}” did not accept user and password, or the token{detail}.",
        "Enter them again.",
    ),
    NetworkProblem.HTTP_FORBIDDEN: (
        "The server “{name}” does not allow this to the user that signed in{detail}.",
        "Ask its administrator for the right to search, read and store.",
    ),
    NetworkProblem.HTTP_NOT_FOUND: (
        "The server “{name}” has nothing at this address{detail}.",
        "Check the path of the address, such as /dicom-web at its end.",
    ),
    NetworkProblem.HTTP_STATUS: (
        "The server “{name}” answered with a failure{detail}.",
        "Try again later; if it stays so, tell its administrator the number.",
    ),
    NetworkProblem.NOT_DICOMWEB: (
        "The server “{name}” answers, but not as DICOMweb does.",
        "Check the path of the address: it must be that of its DICOMweb service.",
    ),
    NetworkProblem.SECRET_NEEDED: (
        "The server “{name}” needs a password or token, and none is known.",
        "Enter it; the system’s key store keeps it, or it is asked for each time without one.",
    ),
    NetworkProblem.SECRET_UNENCRYPTED: (
        "The password or token for “{name}” would be sent unencrypted, and was not.",
        "Use an address that begins with https, or allow it for this server.",
    ),
    NetworkProblem.UNKNOWN_PEER: (
        "There is no peer “{name}”.",
        "Choose one that is configured, or add it.",
    ),
    NetworkProblem.PEER_EXISTS: (
        "There is a peer “{name}” already.",
        "Choose another name, or change the one that is there.",
    ),
    NetworkProblem.SETTINGS_BROKEN: (
        "The settings of the network cannot be read{detail}.",
        "Restore network.json in the profile from a backup, or move it away and configure anew.",
    ),
    NetworkProblem.SETTINGS_INVALID: (
        "The peer, rule or receiver “{name}” has an impossible value{detail}.",
        "AE titles have 1 to 16 letters, digits and signs; ports are 1 to 65535; addresses begin "
        "with http:// or https:// and hold no user or password.",
    ),
    NetworkProblem.NOT_DICOM: (
        "The file is no DICOM object that can be sent{detail}.",
        "Choose a DICOM file with all its identifiers.",
    ),
    NetworkProblem.FILE_LOST: (
        "The file that was to be sent cannot be read{detail}.",
        "Check that it is there and may be read, then send it again.",
    ),
    NetworkProblem.CUT_OFF: (
        "The file ends in the middle of its object{detail}.",
        "Copy or export it again from where it comes, and send the whole file.",
    ),
    NetworkProblem.PIXELS_SHORT: (
        "The object has fewer pixel data than its rows, columns and frames say{detail}.",
        "Copy or export it again from where it comes, and send the whole file.",
    ),
    NetworkProblem.SAME_UID: (
        "Another object with the same identifier was queued for “{name}” before.",
        "Two objects must not share a SOP Instance UID: make the new one again and send it.",
    ),
    NetworkProblem.NOTHING_FOUND: (
        "The peer “{name}” sent no images of this study{detail}.",
        "Search again: it may have been moved or deleted there.",
    ),
    NetworkProblem.OWN_PORT: (
        "This program’s receiver cannot listen{detail}.",
        "Another program may use the port: stop it, or choose another port and tell the peers.",
    ),
    NetworkProblem.NO_RULES: (
        "The receiver takes nothing in, because it has no rule.",
        "Add a rule that says from which AE title it may take images.",
    ),
    NetworkProblem.OTHER_STUDY: (
        "An object of another patient, study or series came, and was not taken.",
        "Tell the administrator of the peer; nothing was mixed.",
    ),
    NetworkProblem.ANALYSIS_FAILED: (
        "The series could not be analysed{detail}.",
        "Open its images in the window to see why, then press Retry.",
    ),
    NetworkProblem.DISK: (
        "The queue of the network cannot be read or written{detail}.",
        "Free some space, and check that the profile’s folder can be written.",
    ),
}
"""A sentence and an advice for each; {name} is the peer, {detail} stands in brackets."""

SERVICE_WORDS = {
    Service.VERIFY: "answers",
    Service.STORE: "stores results",
    Service.FIND: "can be searched",
    Service.MOVE: "sends images (C-MOVE)",
    Service.GET: "sends images (C-GET)",
    Service.WORKLIST: "has a worklist",
    Service.COMMITMENT: "commits itself to storage",
}
DELIVERY_WORDS = {
    DeliveryState.WAITING: "waits",
    DeliveryState.SENT: "sent, commitment not asked for yet",
    DeliveryState.ASKED: "sent, waits for commitment",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.FAILED: "failed, waits for Retry",
}
ARRIVAL_WORDS = {
    ArrivalState.ARRIVING: "arriving",
    ArrivalState.ANALYSING: "being analysed",
    ArrivalState.DONE: "analysed",
    ArrivalState.FAILED: "failed, waits for Retry",
}
_UID_END = 8
"""Last digits of a UID that are shown."""

NOT_IN_QUEUE = (
    "Nothing that waits in the queue has the number or SOP Instance UID “{name}”; “spinealign send "
    "--list” shows what does."
)
NO_KEY_STORE = (
    "This system has no key store: the password or token was not kept and is asked for each time."
)
NO_PEERS = "No peer is configured; “spinealign peers add” adds one."
NOTHING_FOUND = "Nothing was found."
EMPTY_QUEUE = "Nothing waits to be sent, and nothing was received."
PASSWORD_PROMPT = "Password or token for “{name}”: "
KEPT_PEER = "Peer “{name}” is configured."
REMOVED_PEER = "Peer “{name}” was removed."
LISTENING = "Listening as {title} on port {port}; Ctrl+C stops."
STOPPED = "Stopped; what was received is kept."


def network_failure(error: NetworkError) -> tuple[str, str]:
    """Return the sentence and the advice of a failure on the network."""
    sentence, advice = NETWORK_WORDS[error.problem]
    detail = f" ({safe_text(error.detail)})" if error.detail else ""
    return sentence.format(name=safe_text(error.peer), detail=detail), advice


def peer_test_text(test: PeerTest) -> str:
    """Return what a test of a connection found, as one sentence."""
    if test.failure is not None:
        return network_failure(test.failure)[0]
    offered = [SERVICE_WORDS[service] for service in test.services if service is not Service.VERIFY]
    name = safe_text(test.peer)
    said = f"“{name}” answered in {test.seconds * 1000:.0f} ms"
    return f"{said}; it {listed(offered)}." if offered else f"{said}."


def date_text(date: str) -> str:
    """Return a date of DICOM as YYYY-MM-DD, or as it is if it is none."""
    is_date = len(date) == len("YYYYMMDD") and date.isdecimal()
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if is_date else safe_text(date)


def name_text(name: str) -> str:
    """Return a name of DICOM as people write it: "Family, Given Middle"."""
    family, _, rest = name.split("=")[0].partition("^")
    given = " ".join(part for part in rest.split("^")[:2] if part)
    return safe_text(f"{family}, {given}" if given else family)


def peer_line(name: str, place: str, title: str) -> str:
    """Return a configured peer as one line."""
    return _columns(*filter(None, (name, title, place)))


def study_line(study: FoundStudy) -> str:
    """Return a study that was found as one line."""
    count = "" if study.instance_count is None else f"{study.instance_count} images"
    return _columns(
        date_text(study.date), name_text(study.patient_name), study.patient_id,
        "/".join(study.modalities), study.description, study.accession_number, count,
        study.study_uid,
    )  # fmt: skip


def series_line(series: FoundSeries) -> str:
    """Return a series that was found as one line."""
    count = "" if series.instance_count is None else f"{series.instance_count} images"
    return _columns(
        series.number, series.modality, series.description, series.body_part, count,
        series.series_uid,
    )  # fmt: skip


def worklist_line(item: WorklistItem) -> str:
    """Return an item of a worklist as one line."""
    return _columns(
        date_text(item.date), item.time[:4], name_text(item.patient_name), item.patient_id,
        item.modality, item.procedure, item.accession_number, item.station,
    )  # fmt: skip


def delivery_sentence(delivery: Delivery) -> str:
    """Return where an object on its way stands, as one sentence that names no patient."""
    if delivery.failure is not None:
        return network_failure(delivery.failure)[0]
    return f"To “{safe_text(delivery.peer)}”: {DELIVERY_WORDS[delivery.state]}."


def delivery_line(delivery: Delivery) -> str:
    """Return an object of the queue as one line, for the user whose queue it is."""
    return _columns(
        str(delivery.number), delivery.file, numbers_text(delivery), delivery.sop_uid,
        delivery_sentence(delivery),
    )  # fmt: skip


def numbers_text(delivery: Delivery) -> str:
    """Return what tells an object from others of its kind: its numbers, else its UID's end."""
    named = (("series", delivery.series_number), ("number", delivery.instance_number))
    said = [f"{word} {safe_text(value)}" for word, value in named if value]
    return ", ".join(said) if delivery.instance_number else ", ".join([*said, _end_of(delivery)])


def _end_of(delivery: Delivery) -> str:
    return f"UID …{safe_text(delivery.sop_uid[-_UID_END:])}"


def removed_text(count: int) -> str:
    """Say that objects were taken out of the queue."""
    objects = "1 object was" if count == 1 else f"{count} objects were"
    return f"{objects} taken out of the queue and will not be sent."


def left_out_text(count: int) -> str:
    """Say that files of a folder are no DICOM, and were not sent."""
    return f"{'1 file is' if count == 1 else f'{count} files are'} no DICOM, and not sent."


def arrival_sentence(series: ArrivedSeries) -> str:
    """Return where a series that was received stands, as one sentence that names no patient."""
    if series.failure is not None:
        return network_failure(series.failure)[0] + _conflict_words(series.conflicts)
    images = "1 image" if series.instance_count == 1 else f"{series.instance_count} images"
    kind = safe_text(series.modality) or "unknown kind"
    sender = safe_text(series.calling_title)
    stands = f"{images} ({kind}) from {sender}: {ARRIVAL_WORDS[series.state]}."
    return stands + _conflict_words(series.conflicts)


def _conflict_words(count: int) -> str:
    if not count:
        return ""
    objects = "1 other object" if count == 1 else f"{count} other objects"
    was = "was" if count == 1 else "were"
    return f" {objects} with the same identifier as one of these {was} refused: ask the sender why."


def sent_text(states: Sequence[DeliveryState], refused: int = 0) -> str:
    """Return what a round of sending came to.

    Parameters
    ----------
    states : sequence of DeliveryState
        Of each object.
    refused : int
        How many files were not even queued.
    """
    counts = (
        (sum(state in (DeliveryState.SENT, DeliveryState.ASKED) for state in states),
         "sent, storage commitment pending"),
        (states.count(DeliveryState.WAITING), "waiting to be tried again"),
        (states.count(DeliveryState.FAILED), "failed"),
        (refused, "not queued"),
    )  # fmt: skip
    parts = [f"{states.count(DeliveryState.DELIVERED)} delivered"]
    return ", ".join(parts + [f"{count} {words}" for count, words in counts if count])


def refused_sentence(file: str, failure: NetworkError) -> str:
    """Return why a file was not queued, and what to do."""
    sentence, advice = network_failure(failure)
    return f"{safe_text(file)}: {sentence} {advice}"


def _columns(*texts: str) -> str:
    return "  ".join(safe_text(text) or "-" for text in texts)


def distinct(sentences: Iterable[str]) -> list[str]:
    """Return sentences once each, with how often they hold."""
    counted: dict[str, int] = {}
    for sentence in sentences:
        counted[sentence] = counted.get(sentence, 0) + 1
    return [s if n == 1 else f"{s} ({n} objects)" for s, n in counted.items()]
