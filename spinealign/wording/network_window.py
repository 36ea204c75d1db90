"""Words of the window about the network: nodes, searches, what is sent and what arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

from spinealign.domain.network import (
    ArrivedSeries,
    Delivery,
    DeliveryState,
    FoundSeries,
    FoundStudy,
    NetworkError,
    PeerTest,
    WorklistItem,
)
from spinealign.wording.failures import Message
from spinealign.wording.network import (
    ARRIVAL_WORDS,
    DELIVERY_WORDS,
    arrival_sentence,
    date_text,
    delivery_sentence,
    distinct,
    name_text,
    network_failure,
    numbers_text,
    peer_test_text,
)
from spinealign.wording.text import listed, safe_text

# Nodes

NODES_TITLE = "DICOM nodes"
NODES_PAGE, RECEIVER_PAGE = "Nodes", "This program as a receiver"
NODES_INTRODUCTION = (
    "SpineAlign uses the network only for the nodes that you add here. Without any, and without a "
    "receiver, it opens no connection."
)
NODE_HEADINGS = ("Name", "Kind", "Address")
ADD_NODE, EDIT_NODE, REMOVE_NODE, TEST_NODE = "&Add…", "&Edit…", "&Remove", "&Test"
NO_NODE_CHOSEN = "Choose a node in the list"
STOP_TEST = "Stop"
TEST_RUNS = "Testing “{name}”…"
TEST_STOPPED = "The test was stopped."
KIND_WORDS: Mapping[str, str] = MappingProxyType(
    {"dicom": "DICOM node", "dicomweb": "DICOMweb server"}
)
NEW_NODE_TITLE, NODE_TITLE = "Add a node", "Node “{name}”"
NODE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "kind": "&Kind",
        "name": "&Name",
        "called_title": "AE tit&le of the node",
        "host": "&Host",
        "port": "&Port",
        "calling_title": "AE title of this p&rogram",
        "retrieve_by": "Images &come by",
        "asks_commitment": "Ask for storage co&mmitment",
        "url": "Add&ress (URL)",
        "sign_in": "S&ign in",
        "user": "&User",
        "secret": "Pass&word or token",
        "may_send_secret_unencrypted": "All&ow password or token without encryption",
        "is_encrypted": "&Encrypted (TLS)",
        "ca_file": "C&A file",
        "certificate_file": "Own certi&ficate",
        "key_file": "Ke&y of the certificate",
    }
)
NODE_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "name": "What you call it; queue and rules know it by this name.",
        "called_title": "Up to 16 characters; capitals count.",
        "calling_title": "As the node has this program registered.",
        "url": "Of the DICOMweb service, such as https://pacs.example/dicom-web",
        "secret": "Leave it empty to keep the one that is known.",
        "ca_file": "PEM; empty: the authorities that this system trusts.",
        "certificate_file": "PEM; only where the node asks for one.",
        "asks_commitment": "An object then counts as delivered only after the node has committed "
        "itself to keep it. It may say so later: then the receiver of this program must be on.",
    }
)
NAME_STAYS = "Queue and rules know the node by this name: remove it and add another one"
RETRIEVE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "get_else_move": "C-GET, or C-MOVE where it has none",
        "get": "C-GET only",
        "move": "C-MOVE only (the node must know host and port of this program)",
    }
)
SIGN_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {"": "Not needed", "nothing": "Not needed", "password": "User and password", "token": "Token"}
)
KEY_STORE_THERE = "Password and token are kept in the key store of this system, and nowhere else."
KEY_STORE_MISSING = (
    "This system has no key store: password and token are kept only until the program is closed, "
    "and asked for again then."
)
STILL_MISSING = "Still missing: {what}."
BROWSE = "Browse…"
PEM_FILTER = "Certificates and keys (*.pem *.crt *.cer *.key);;All files (*)"
KEEP_NODE = "&Save"
REMOVE_QUESTION = (
    "Remove the node “{name}”?",
    "What still waits to be sent there is not sent.",
)
REMOVE_NOW, KEEP_IT = "Remove", "Keep it"

# Receiver

RECEIVER_INTRODUCTION = (
    "The receiver takes in what the rules allow, and refuses all else. What arrives is kept in the "
    "profile folder, analysed, and listed under Transfers."
)
RECEIVER_ON = "&Receive images while the program runs"
RECEIVER_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "title": "Own AE t&itle",
        "port": "&Port",
        "address": "&Network interface",
        "quiet_seconds": "A series is &complete after (s)",
    }
)
ADDRESS_NOTE = "0.0.0.0 listens on all interfaces, 127.0.0.1 on this computer only."
RULE_HEADINGS = ("From (AE title)", "Modalities", "Body parts", "Then", "Results to")
ADD_RULE, EDIT_RULE, REMOVE_RULE = "A&dd rule…", "Edit r&ule…", "Remo&ve rule"
NO_RULE_CHOSEN = "Choose a rule in the list"
ANY = "any"
NOBODY = "nobody"
ANALYSED, KEPT_ONLY = "analysed", "kept only"
NEW_RULE_TITLE = "Rule of the receiver"
RULE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "calling_title": "From (AE &title)",
        "modalities": "&Modalities",
        "body_parts": "&Body parts",
        "is_analysed": "&Analyse what arrives",
        "results_to": "Send results by themselves to",
    }
)
RULE_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "modalities": "Such as MR, DX, CR; empty: any.",
        "body_parts": "As the files state them, such as LSPINE; empty: any.",
        "results_to": "Segmentation, report and pictures of an automatic analysis that nobody has "
        "signed; they say so.",
    }
)
NO_NODES_YET = "No node is configured yet"
NOTHING_CHANGED = "Nothing is changed"
KEEP_RULE, KEEP_RECEIVER = "&Use this rule", "&Save"
RECEIVER_STATE: Mapping[bool, str] = MappingProxyType(
    {True: "The receiver listens now.", False: "The receiver is off."}
)
RECEIVER_NEEDS_RULE = "Add a rule first: without one nothing is taken in"

# From PACS

FIND_TITLE = "From PACS"
FIND_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "node": "&Node",
        "name": "Na&me",
        "patient_id": "Patient &ID",
        "accession": "&Accession number",
        "first_date": "From &date",
        "last_date": "T&o date",
        "modality": "Moda&lity",
    }
)
NAME_HINT, DATE_HINT, MODALITY_HINT = "Family, Given", "YYYY-MM-DD", "MR, DX, CR…"
SEARCH, SEARCH_WORKLIST, STOP_SEARCH = "&Search", "Search &worklist", "Sto&p"
RETRIEVE, STOP_RETRIEVAL = "&Retrieve and open", "Sto&p"
SOMETHING_TO_SEARCH = "Fill in at least one field"
NOT_A_DATE = "Type dates as YYYY-MM-DD"
DATES_TURNED = "The first date lies after the last one"
NO_NODES_MESSAGE = "No node is configured. “DICOM nodes…” adds the PACS that you want to search."
STUDY_HEADINGS = (
    "Patient", "Patient ID", "Date", "Description", "Modality", "Images", "Accession number",
)  # fmt: skip
WORKLIST_HEADINGS = (
    "Patient", "Patient ID", "Date", "Procedure", "Modality", "Station", "Accession number",
)  # fmt: skip
NO_WORKLIST_OF_WEB = "A DICOMweb server has no worklist"
NOTHING_CHOSEN = "Choose studies or series in the table"
SERIES_ARE_READ = "Series are being listed…"
NOT_IN_PACS = "The scheduled examination has no images yet, or the node names no study"
FETCH_TIP = "Retrieve what is chosen into the private folder of this program, and open it"
FIND_HINT = "The arrow to the right lists the series of a study."

# Send

SEND_TITLE = "Send to a node"
SEND_INTRODUCTION = "Choose what is sent; the node files it in the study of the image."
SEND_LABELS: Mapping[str, str] = MappingProxyType({"node": "&Node"})
OBJECT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "dicom_source": "The &image itself, which the objects refer to",
        "dicom_seg": "&Segmentation",
        "dicom_sr": "Structured &report with every measure",
        "dicom_pr": "&Presentation state: outlines, lines and names for any viewer",
        "dicom_sc": "Overlay as a pict&ure",
        "dicom_pdf": "Report as pages (P&DF)",
    }
)
"""By kind of exporter; one that is not here is called as its menu calls it."""

SOURCE_NEEDED = "The image is no DICOM file, so it is sent too: the objects refer to it."
NOT_SIGNED = (
    "The reading is not signed: the objects say that nobody has verified them. Sign first, or send "
    "it as a draft."
)
IS_SIGNED = "The reading is signed."
NOT_READ_HERE = "There is no reading of this image: the objects say that a program found all of it."
NEEDS_PATIENT = "This image does not say whose it is; you are asked for the patient first."
SEND_NOW = "S&end"
NOTHING_TO_SEND = "Choose at least one object"
NOT_IN_RESULT = "The result holds nothing of this kind"
SEND_WRITES = "Writing {what}"
SEND_GOES = "Sending to “{name}”"
SEND_BUTTON = "Send…"
SIGNED_NOTICE = Message("The reading is signed.", "You can send it to the PACS now.")

# Transfers

TRANSFERS_TITLE = "Transfers"
OUTBOX_PAGE, INBOX_PAGE = "Sent", "Received"
OUTBOX_HEADINGS = ("To", "Object", "Status", "Tries", "Next try", "What happened")
INBOX_HEADINGS = ("From", "Modality", "Images", "Status", "Analysed at", "What happened")
CLASS_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
        "1.2.840.10008.5.1.4.1.1.66.7": "Label map",
        "1.2.840.10008.5.1.4.1.1.88.22": "Structured report",
        "1.2.840.10008.5.1.4.1.1.88.33": "Structured report",
        "1.2.840.10008.5.1.4.1.1.88.34": "Structured report",
        "1.2.840.10008.5.1.4.1.1.11.1": "Presentation state",
        "1.2.840.10008.5.1.4.1.1.11.2": "Presentation state",
        "1.2.840.10008.5.1.4.1.1.7": "Picture",
        "1.2.840.10008.5.1.4.1.1.7.2": "Picture",
        "1.2.840.10008.5.1.4.1.1.7.4": "Picture",
        "1.2.840.10008.5.1.4.1.1.104.1": "PDF report",
    }
)
"""By SOP class (PS3.6 annex A)."""
OTHER_CLASS = "Image"
RETRY, REMOVE_TRANSFER, OPEN_ARRIVED = "Re&try", "Re&move", "&Open"
NO_TRANSFER_CHOSEN = "Choose entries in the list"
ALL_DELIVERED = "What is chosen is delivered"
BEING_ANALYSED = "It is being analysed"
NOTHING_SENT = "Nothing was sent yet."
NOTHING_RECEIVED = "Nothing was received yet."
RECEIVER_NEEDED = (
    "The node may report on the commitment later, to the receiver of this program, which is off. "
    "Turn it on under “DICOM nodes…”."
)
REMOVE_ARRIVED_QUESTION = (
    "Delete the received images?",
    "{count} received series are deleted from this computer; the archive keeps its own.",
)
DELETE_NOW = "Delete"
REMOVE_FETCHED = "&Delete retrieved images…"
REMOVE_FETCHED_TIP = "Delete what “From PACS…” put into the private folder of this program"
FETCHED_QUESTION = (
    "Delete the retrieved images?",
    "Images that came from a PACS are deleted from this computer ({size}). Close the cases that "
    "show them first; readings of them stay.",
)
NOTHING_FETCHED = "No retrieved images lie on this computer"
FETCHED_DELETED = "The retrieved images were deleted."
NOW_TEXT = "now"
INDICATOR_TIP = "Show what waits to be sent or analysed, and what failed (Ctrl+J)"

# Passwords

SECRET_TITLE = "Password or token"
SECRET_QUESTION = "Password or token for “{name}”"
SECRET_NOTE = "It is kept until the program is closed."
USE_SECRET = "&Use it"


def test_words(test: PeerTest) -> str:
    """Return what a test of a connection found, and what to do where it failed."""
    advice = "" if test.failure is None else f" {network_failure(test.failure)[1]}"
    return f"{peer_test_text(test)}{advice}"


def failure_words(error: NetworkError) -> str:
    """Return why something failed and what to do, as one text."""
    return " ".join(network_failure(error))


def place_text(title: str, host: str, port: int, is_encrypted: bool) -> str:
    """Return where a DICOM node is."""
    place = f"{safe_text(title)} at {safe_text(host)}:{port}"
    return f"{place}, TLS" if is_encrypted else place


def missing_text(labels: Sequence[str]) -> str:
    """Return which fields have to be filled in; labels as forms have them."""
    return STILL_MISSING.format(what=listed([plain(label) for label in labels]))


def plain(label: str) -> str:
    """Return a label without the mark of its key."""
    return label.replace("&", "")


def typed_name(text: str) -> str:
    """Return a name as DICOM writes it: of "Family, Given" the comma becomes a caret."""
    family, comma, given = text.strip().partition(",")
    return f"{family.strip()}^{given.strip()}" if comma else family


def dicom_date(text: str) -> str | None:
    """Return a typed date as DICOM writes it, empty for nothing, None where there is no such."""
    said = text.strip()
    if not said:
        return ""
    try:
        return f"{date.fromisoformat(said):%Y%m%d}"
    except ValueError:
        return None


def study_cells(study: FoundStudy) -> tuple[str, ...]:
    """Return a study that was found in the columns of `STUDY_HEADINGS`."""
    return (
        name_text(study.patient_name), safe_text(study.patient_id), date_text(study.date),
        safe_text(study.description), safe_text("/".join(study.modalities)),
        _count(study.instance_count), safe_text(study.accession_number),
    )  # fmt: skip


def series_cells(series: FoundSeries) -> tuple[str, ...]:
    """Return a series that was found in the columns of its study."""
    number = f"Series {safe_text(series.number)}" if series.number else "Series"
    words = [safe_text(text) for text in (series.description, series.body_part) if text]
    return (
        number, "", "", ", ".join(words), safe_text(series.modality),
        _count(series.instance_count), "",
    )  # fmt: skip


def worklist_cells(item: WorklistItem) -> tuple[str, ...]:
    """Return an item of a worklist in the columns of `WORKLIST_HEADINGS`."""
    time = f" {item.time[:2]}:{item.time[2:4]}" if item.time[:4].isdecimal() else ""
    return (
        name_text(item.patient_name), safe_text(item.patient_id), date_text(item.date) + time,
        safe_text(item.procedure), safe_text(item.modality), safe_text(item.station),
        safe_text(item.accession_number),
    )  # fmt: skip


def _count(number: int | None) -> str:
    return "" if number is None else str(number)


def found_text(count: int, most: int) -> str:
    """Say how much a search found."""
    if not count:
        return "Nothing was found. Fill in less, or check the spelling."
    if count >= most:
        return f"The first {count} are shown; fill in more to find the rest."
    return "1 entry was found." if count == 1 else f"{count} entries were found."


def searching_text(name: str, count: int) -> str:
    """Say how far a search is."""
    return f"Searching “{safe_text(name)}”: {count} found so far…"


def retrieving_text(done: int, total: int | None) -> str:
    """Say how far a retrieval is."""
    return f"Retrieving: {done} of {total} images…" if total else f"Retrieving: {done} images…"


def retrieved_text(images: int) -> str:
    """Say what came."""
    return "1 image was retrieved." if images == 1 else f"{images} images were retrieved."


def queued_text(name: str, rows: Sequence[Delivery]) -> str:
    """Say what became of objects that were sent to a node, each failure once."""
    if not rows:
        return f"“{safe_text(name)}” had got these objects before; nothing was sent again."
    done = sum(row.state is DeliveryState.DELIVERED for row in rows)
    others = [row for row in rows if row.state is not DeliveryState.DELIVERED]
    said = []
    if done:
        objects = "1 object was" if done == 1 else f"{done} objects were"
        said.append(f"{objects} delivered to “{safe_text(name)}”.")
    said += distinct(delivery_sentence(row) for row in others if row.failure is None)
    failed = [row.failure for row in others if row.failure is not None]
    if failed:
        objects = "1 object was" if len(failed) == 1 else f"{len(failed)} objects were"
        why = " ".join(dict.fromkeys(network_failure(each)[0] for each in failed))
        said.append(f"{objects} not delivered and wait under Transfers. {why}")
    return " ".join(said)


def delivery_cells(delivery: Delivery, now: float) -> tuple[str, ...]:
    """Return an entry of the outbox in the columns of `OUTBOX_HEADINGS`."""
    is_due = delivery.state in _TRIED_BY_ITSELF
    return (
        safe_text(delivery.peer), object_text(delivery),
        _state_words(delivery), str(delivery.tries),
        time_text(delivery.next_at, now) if is_due else "", _said(delivery.failure),
    )  # fmt: skip


def object_text(delivery: Delivery) -> str:
    """Return which kind of object it is, and which of them."""
    kind = CLASS_WORDS.get(delivery.sop_class, OTHER_CLASS)
    return f"{kind}, {numbers_text(delivery)}"


def _state_words(delivery: Delivery) -> str:
    """Return where an object stands; what failed before is to be tried or asked again."""
    if delivery.failure is None:
        return DELIVERY_WORDS[delivery.state]
    return _AGAIN_WORDS.get(delivery.state, DELIVERY_WORDS[delivery.state])


_AGAIN_WORDS = {
    DeliveryState.WAITING: "waits to be tried again",
    DeliveryState.SENT: "sent, commitment to be asked for again",
    DeliveryState.ASKED: "sent, asked for commitment again",
}
_TRIED_BY_ITSELF = (DeliveryState.WAITING, DeliveryState.SENT, DeliveryState.ASKED)


def arrival_cells(series: ArrivedSeries, now: float) -> tuple[str, ...]:
    """Return an entry of the inbox in the columns of `INBOX_HEADINGS`."""
    is_due = series.state.value == "arriving"
    return (
        safe_text(series.calling_title), safe_text(series.modality), str(series.instance_count),
        ARRIVAL_WORDS[series.state], time_text(series.next_at, now) if is_due else "",
        _said(series.failure),
    )  # fmt: skip


def _said(failure: NetworkError | None) -> str:
    return "" if failure is None else network_failure(failure)[0]


def transfer_advice(failures: Sequence[NetworkError]) -> str:
    """Say why the entries that are chosen failed and what to do, each once."""
    return " ".join(dict.fromkeys(map(failure_words, failures)))


def time_text(at: float, now: float) -> str:
    """Return when something is tried, on this day by the clock alone."""
    if at <= now:
        return NOW_TEXT
    moment, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    is_today = moment.date() == today.date()
    return f"{moment:%H:%M:%S}" if is_today else f"{moment:%Y-%m-%d %H:%M}"


def indicator_text(waiting: int, failed: int) -> str:
    """Return what the status bar says of transfers; empty where there is nothing to say."""
    parts = []
    if failed:
        parts.append(f"{failed} failed")
    if waiting:
        parts.append(f"{waiting} waiting")
    return f"Transfers: {', '.join(parts)}" if parts else ""


def arrived_text(series: ArrivedSeries) -> str:
    """Say that a series arrived, without its patient."""
    return arrival_sentence(series)


def size_text(size: int) -> str:
    """Return bytes in megabytes."""
    return f"{max(size / 1e6, 0.1):.1f} MB"
