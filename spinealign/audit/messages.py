"""Events as XML messages of DICOM PS3.15 A.5.1, and as lines of syslog."""

from __future__ import annotations

import base64
import platform
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as Xml

from spinealign.audit.events import (
    EVENT_CODES,
    AuditEvent,
    AuditObject,
    Code,
    EventKind,
    ObjectKind,
    Outcome,
)

_MACHINE_NAME, _ADDRESS, _WEB_ADDRESS = "1", "2", "5"

_APPLICATION = Code("110150", "Application")
_LAUNCHER = Code("110151", "Application Launcher")
_DESTINATION = Code("110152", "Destination Role ID")
_SOURCE = Code("110153", "Source Role ID")
_DESTINATION_MEDIA = Code("110154", "Destination Media")
_FILE_MEDIA = Code("110037", "URI")

_STUDY_UID = ("110180", "DCM", "Study Instance UID")
_SOP_CLASS = ("110181", "DCM", "SOP Class UID")
_NODE = ("110182", "DCM", "Node ID")
_PATIENT_NUMBER = ("2", "RFC-3881", "Patient Number")
_REPORT_NUMBER = ("9", "RFC-3881", "Report Number")
_USER_IDENTIFIER = ("11", "RFC-3881", "User Identifier")
_ADDRESS_OF_OBJECT = ("12", "RFC-3881", "URI")

_OBJECTS: dict[ObjectKind, tuple[str, str, tuple[str, str, str]]] = {
    ObjectKind.PATIENT: ("1", "1", _PATIENT_NUMBER),
    ObjectKind.STUDY: ("2", "3", _STUDY_UID),
    ObjectKind.READING: ("2", "3", _REPORT_NUMBER),
    ObjectKind.USER: ("1", "6", _USER_IDENTIFIER),
    ObjectKind.QUERY: ("2", "24", _SOP_CLASS),
    ObjectKind.AUDIT_LOG: ("2", "13", _ADDRESS_OF_OBJECT),
    ObjectKind.NODE: ("2", "16", _NODE),
    ObjectKind.FILE: ("2", "16", _ADDRESS_OF_OBJECT),
    ObjectKind.MODEL: ("2", "5", _ADDRESS_OF_OBJECT),
    ObjectKind.SIGNER: ("2", "13", _ADDRESS_OF_OBJECT),
}
"""Type, role and type of identifier of each object. Source: PS3.15 A.5.1.2.2, A.5.1.2.4, A.5.3."""

_LIFE_CYCLES: dict[EventKind, str] = {
    EventKind.VIEW: "6",
    EventKind.CHANGE: "3",
    EventKind.SIGN: "4",
    EventKind.EXPORT: "10",
    EventKind.SEND: "10",
    EventKind.IMPORT: "2",
    EventKind.BEGIN_TRANSFER: "10",
    EventKind.RECEIVE: "2",
    EventKind.DELETE: "15",
    EventKind.DEIDENTIFY: "7",
    EventKind.BACK_UP: "13",
    EventKind.RESTORE: "2",
}
"""What becomes of the objects of an event. Source: PS3.15 A.5.1.2.3."""

DOCUMENT_ROOT = "AuditMessages"
"""Of a file with several messages."""

AUDIT_LOG_NAME = "Security Audit Log"
"""Source: PS3.15 A.5.3.2."""

_LEAVES_HERE = frozenset(
    {
        EventKind.EXPORT, EventKind.DEIDENTIFY, EventKind.BACK_UP, EventKind.SEND,
        EventKind.BEGIN_TRANSFER,
    }
)  # fmt: skip
_COMES_FROM_PEER = frozenset({EventKind.IMPORT, EventKind.RECEIVE, EventKind.NODE_REFUSED})


def message_xml(event: AuditEvent, source: str, site: str = "") -> str:
    """Return an event as an XML document of PS3.15 A.5.1.

    Parameters
    ----------
    event : AuditEvent
    source : str
        Which program on which computer.
    site : str
        Name of the institution; empty where it is not configured.
    """
    root = Xml.Element("AuditMessage")
    _add_event(root, event)
    _add_participants(root, event)
    place = Xml.SubElement(root, "AuditSourceIdentification", {"AuditSourceID": source})
    if site:
        place.set("AuditEnterpriseSiteID", _printable(site))
    Xml.SubElement(place, "AuditSourceTypeCode", {"csd-code": "1"})
    for what in event.objects:
        _add_object(root, event, what)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False)


def messages_xml(events: Iterable[AuditEvent], source: str, site: str = "") -> Iterator[str]:
    """Yield the lines of one XML document that holds events, each as `message_xml` does on a line.

    PS3.15 knows single messages only; the root that holds them is this program's own.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<{DOCUMENT_ROOT}>\n"
    for event in events:
        yield f"{message_xml(event, source, site)}\n"
    yield f"</{DOCUMENT_ROOT}>\n"


def _add_event(root: Xml.Element, event: AuditEvent) -> None:
    codes = EVENT_CODES[event.kind]
    element = Xml.SubElement(
        root,
        "EventIdentification",
        {
            "EventActionCode": codes.action,
            "EventDateTime": event.at_utc,
            "EventOutcomeIndicator": str(int(event.outcome)),
        },
    )
    _add_code(element, "EventID", codes.event)
    if codes.event_type is not None:
        _add_code(element, "EventTypeCode", codes.event_type)
    if event.description:
        Xml.SubElement(element, "EventOutcomeDescription").text = _printable(event.description)


def _add_participants(root: Xml.Element, event: AuditEvent) -> None:
    codes = EVENT_CODES[event.kind]
    is_activity = codes.event.value == "110100"
    here = platform.node() or "localhost"
    role = _LAUNCHER if is_activity else _SOURCE if event.kind in _LEAVES_HERE else None
    _add_participant(root, event.user, True, here, _MACHINE_NAME, role)
    program = str(event.process) if event.process else "SpineAlign"
    _add_participant(
        root, program, False, here, _MACHINE_NAME, _APPLICATION if is_activity else None
    )
    if event.peer:
        kind = _WEB_ADDRESS if "://" in event.peer else _MACHINE_NAME
        address = event.peer if "://" in event.peer else _host(event.peer)
        role = _SOURCE if event.kind in _COMES_FROM_PEER else _DESTINATION
        _add_participant(root, event.peer, False, address, kind, role)
    elif codes.event.value == "110106":
        media = _add_participant(root, "files", False, here, _MACHINE_NAME, _DESTINATION_MEDIA)
        _add_code(Xml.SubElement(media, "MediaIdentifier"), "MediaType", _FILE_MEDIA)


def _add_participant(
    root: Xml.Element, user: str, is_requestor: bool, place: str, kind: str, role: Code | None
) -> Xml.Element:
    element = Xml.SubElement(
        root,
        "ActiveParticipant",
        {
            "UserID": _named(user),
            "UserIsRequestor": "true" if is_requestor else "false",
            "NetworkAccessPointID": _printable(place),
            "NetworkAccessPointTypeCode": kind,
        },
    )
    if role is not None:
        _add_code(element, "RoleIDCode", role)
    return element


def _add_object(root: Xml.Element, event: AuditEvent, what: AuditObject) -> None:
    kind, role, (code, scheme, meaning) = _OBJECTS[what.kind]
    attributes = {
        "ParticipantObjectID": _named(what.identifier),
        "ParticipantObjectTypeCode": kind,
        "ParticipantObjectTypeCodeRole": role,
    }
    if event.kind in _LIFE_CYCLES and what.kind is not ObjectKind.USER:
        attributes["ParticipantObjectDataLifeCycle"] = _LIFE_CYCLES[event.kind]
    element = Xml.SubElement(root, "ParticipantObjectIdentification", attributes)
    Xml.SubElement(
        element,
        "ParticipantObjectIDTypeCode",
        {"csd-code": code, "codeSystemName": scheme, "originalText": meaning},
    )
    if what.kind is ObjectKind.QUERY:
        query = base64.b64encode(what.query.encode("utf-8", "replace")).decode("ascii")
        Xml.SubElement(element, "ParticipantObjectQuery").text = query
    else:
        name = AUDIT_LOG_NAME if what.kind is ObjectKind.AUDIT_LOG else what.name
        # The schema asks for a name or a query: an identifier without a name is its own name.
        Xml.SubElement(element, "ParticipantObjectName").text = _named(name or what.identifier)
    if what.sop_class_uid and what.kind is ObjectKind.STUDY:
        description = Xml.SubElement(element, "ParticipantObjectDescription")
        Xml.SubElement(
            description,
            "SOPClass",
            {"UID": what.sop_class_uid, "NumberOfInstances": str(what.instances)},
        )


def _add_code(parent: Xml.Element, name: str, code: Code) -> None:
    Xml.SubElement(
        parent,
        name,
        {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning},
    )


def _host(peer: str) -> str:
    """Return the computer of "TITLE@host:port"."""
    return peer.rpartition("@")[2].rpartition(":")[0] or peer


def _named(text: str) -> str:
    """Return a text that may not be empty."""
    return _printable(text) if text.strip() else "unknown"


def _printable(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(
        letter if letter in "\t\n\r" or _is_xml_letter(ord(letter)) else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def _is_xml_letter(point: int) -> bool:
    """Return whether XML 1.0 allows a character. Source: XML 1.0, production 2."""
    return 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or 0x10000 <= point <= 0x10FFFF


MESSAGE_IDENTIFIER = "IHE+RFC-3881"
"""MSGID of an audit message. Source: IHE ITI TF-2, 3.20.4.1.2."""

_FACILITY_AUTHORISATION = 10
"""Source: RFC 5424, table 1: security/authorization messages."""

_SEVERITIES = {
    Outcome.SUCCESS: 5,
    Outcome.MINOR_FAILURE: 4,
    Outcome.SERIOUS_FAILURE: 3,
    Outcome.MAJOR_FAILURE: 2,
}
"""Notice, warning, error and critical. Source: RFC 5424, table 2."""

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def syslog_message(event: AuditEvent, source: str, site: str = "") -> bytes:
    """Return an event as one message of RFC 5424, framed by its length as RFC 5425 asks."""
    priority = _FACILITY_AUTHORISATION * 8 + _SEVERITIES[event.outcome]
    host = _header_word(platform.node(), 255)
    process = str(event.process) if event.process else "-"
    head = f"<{priority}>1 {event.at_utc} {host} SpineAlign {process} {MESSAGE_IDENTIFIER} - "
    body = f'<?xml version="1.0" encoding="UTF-8"?>{message_xml(event, source, site)}'
    message = (head + _BYTE_ORDER_MARK + body).encode()
    return str(len(message)).encode("ascii") + b" " + message


def _header_word(text: str, longest: int) -> str:
    """Return a word of a header: printable ASCII without blanks, "-" for none (RFC 5424, 6)."""
    return "".join(letter for letter in text if "!" <= letter <= "~")[:longest] or "-"
