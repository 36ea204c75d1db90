"""Examinations in the archive, accounts and audit events, as lines for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spinealign.accounts.book import Account, Role, SystemSignIn
from spinealign.archive.records import CoursePoint, ExaminationRecord, Search, View
from spinealign.audit.chain import Verdict
from spinealign.audit.events import AuditEvent, AuditObject, EventKind, ObjectKind, Outcome
from spinealign.domain.examination import examination_named
from spinealign.domain.measurements import CurveShape
from spinealign.wording.examinations import examination_label
from spinealign.wording.protection import damage_text
from spinealign.wording.text import safe_text

ROLE_NAMES: dict[Role, str] = {
    Role.VIEWER: "viewer",
    Role.READER: "reader, who signs",
    Role.ADMINISTRATOR: "administrator",
}

EVENT_NAMES: dict[EventKind, str] = {
    EventKind.APPLICATION_START: "SpineAlign started",
    EventKind.APPLICATION_STOP: "SpineAlign closed",
    EventKind.LOGIN: "Signed in",
    EventKind.LOGOUT: "Signed out",
    EventKind.LOCK: "Locked",
    EventKind.UNLOCK: "Unlocked",
    EventKind.VIEW: "Viewed",
    EventKind.CHANGE: "Changed",
    EventKind.SIGN: "Signed a reading",
    EventKind.EXPORT: "Exported",
    EventKind.BEGIN_TRANSFER: "Began to send",
    EventKind.SEND: "Sent",
    EventKind.RECEIVE: "Received",
    EventKind.NODE_REFUSED: "Refused a node",
    EventKind.QUERY: "Searched",
    EventKind.IMPORT: "Imported",
    EventKind.DELETE: "Deleted",
    EventKind.DEIDENTIFY: "De-identified",
    EventKind.BACK_UP: "Backed up",
    EventKind.RESTORE: "Restored a back-up",
    EventKind.CHECK: "Checked the archive",
    EventKind.DRILL: "Restored a back-up for trial",
    EventKind.USER_ADMINISTRATION: "Accounts changed",
    EventKind.MODELS: "Models changed",
    EventKind.MODEL_SIGNERS: "Signers of models changed",
    EventKind.AUDIT_LOG_USED: "Audit trail read",
    EventKind.AUDIT_LOG_DAMAGED: "Audit trail found damaged",
}

FAILED = "failed"

_CHECKSUM = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")

OBJECT_NAMES: dict[ObjectKind, str] = {
    ObjectKind.PATIENT: "patient",
    ObjectKind.STUDY: "study",
    ObjectKind.READING: "reading",
    ObjectKind.USER: "account",
    ObjectKind.QUERY: "query",
    ObjectKind.AUDIT_LOG: "audit trail",
    ObjectKind.NODE: "node",
    ObjectKind.FILE: "file",
    ObjectKind.MODEL: "model",
    ObjectKind.SIGNER: "signer",
}

NEW_TRAIL_BEGUN = "A new trail was begun; the damaged one is kept."
NOBODY_SIGNS_IN = (
    "this profile has no accounts, so nobody can sign in; check --profile-dir, or leave out --user "
    "and --system-user"
)
MODELS_ARE_ADMINISTERED = (
    "with accounts only administrators change models: give --user NAME, the account that you sign "
    "in with"
)
NO_ARCHIVE = (
    "There is no archive yet. “spinealign accounts set-up NAME” makes one with a first account, "
    "“spinealign archive set-up” one whose key lies in this system's key store."
)
NO_DATE = "no date"
ALL_EXAMINATIONS, THE_ARCHIVE = "all examinations", "the archive"
NOTHING_FOUND = "Nothing was found."
NEW_ACCOUNT = "Account “{name}” is there; its password has to be changed at the first sign-in."
ACCOUNT_REMOVED = "Account “{name}” is gone."
ROLES_SET = "“{name}” is now: {roles}."
PASSWORD_SET = "“{name}” has the new password; it has to be changed at the next sign-in."
PASSWORD_CHANGED = "The password is changed."
KEEP_RECOVERY_KEY = (
    "Print this recovery key and lock it away: it is shown once, and without it nobody can help "
    "where all passwords are forgotten."
)
SET_UP = "The archive is in {folder}; its key is in this system's key store."
PACKED = "{file} is written; it opens with its password only, which is kept nowhere."
UNPACKED = "{identifier}  {what}: in the archive."
THERE_ALREADY = "{identifier}  {what}: its images were in the archive already; nothing was changed."
KEPT_EXAMINATION = "{identifier}  {what} ({names}): in the archive, {files}."
AND_MORE = ", …"
NO_SUCH_KIND = "there is no kind “{kind}” of examination; --kind takes one of: {kinds}"
DELETED_EXAMINATIONS = "Deleted: {count}."
DUE_HINT = "Nothing was deleted; add --delete to delete {count}."
BACKED_UP = (
    "Backed up to {folder}: {examinations}, {files}, of which {new} new; read back and found whole."
)
DRILLED = "This back-up restores: {examinations} and {files} were read, every byte as it was."
RESTORED = "The archive is restored with {files}; sign in with a password of that time."
RESTORED_BY_KEY = "The archive is restored with {files}; sign in as {name} with the new password."
WHERE_AN_ARCHIVE_IS = (
    "there is an archive already; nothing was asked for and nothing changed. Restore into another "
    "profile (--profile-dir), or move these two out of the way first, both: {folder} and {anchor}"
)
WHOSE_BACK_UP = "give --user NAME, an account of the back-up: {names}"
ARCHIVE_WHOLE = "Database and files are as they were written."
ARCHIVE_DAMAGED = "Not as it was written: {what}."
NO_LIST_READABLE = "It cannot be read which examinations there are."
NO_EXAMINATION_CONCERNED = (
    "Every examination can be read: the damage lies elsewhere, as in the search or the audit trail."
)
UNNAMED_EXAMINATION = "examination without date"
RECORD_UNREADABLE = "its record in the database cannot be read."
FILE_MISSING, FILE_CHANGED = "{file} is missing.", "{file} was changed, or cannot be read."
MORE_DAMAGED = "And {count}: “spinealign archive check” names all."
DAMAGED_MANUAL_TITLE = "The archive is damaged"
DAMAGED_ADVICE = (
    "Do not go on working with it: restore the newest back-up. The page "
    f"“{DAMAGED_MANUAL_TITLE}” of the manual says how."
)
EXPORTED_TRAIL = "{count} written to {file}."
AUDIT_SENT = "{count} sent to {host}."
EVENTS_WAIT = (
    "What is done is written down once an administrator begins a new trail: keep a copy of archive "
    "and profile as evidence, then “spinealign audit-trail begin-anew”."
)
SENDING_ENDED = "Events are sent nowhere any more."
NO_REPOSITORY = "no repository is configured; name its host with --to"
PASSWORD_PROMPT, NEW_PASSWORD_PROMPT = "Password of {name}: ", "New password of {name}: "
AGAIN_PROMPT, RECOVERY_PROMPT = "Once more: ", "Recovery key: "
NOT_THE_SAME = "the two passwords differ; nothing was changed"


def account_line(account: Account) -> str:
    """Return an account as a line: name, full name, roles."""
    roles = ", ".join(ROLE_NAMES[role] for role in account.roles)
    full_name = f" ({safe_text(account.full_name)})" if account.full_name else ""
    pending = "; has to change the password" if account.must_change else ""
    allowed = account.system_sign_in
    system = "" if allowed is None else f"; {system_sign_in_words(allowed)}"
    return f"{account.name}{full_name}: {roles}{pending}{system}"


def system_sign_in_words(allowed: SystemSignIn) -> str:
    """Return as which user of the system an account signs in, and how far that is."""
    always = ", also after locking" if allowed.is_always else ""
    waits = "" if allowed.key is not None else ", once it signed in there with its password"
    return f"signs in as system user “{safe_text(allowed.user)}”{always}{waits}"


def readings_are_encrypted_text(without: str) -> str:
    """Return why a command stops, and what to do; `without` are options to leave readings out."""
    leave_out = f", or leave them out: {without}" if without else ""
    return (
        "readings and corrections of this profile are encrypted, and nobody is signed in; add "
        f"--user NAME{leave_out}"
    )


def date_text(dicom_date: str) -> str:
    """Return "20261129" as "2026-11-29"; what is no such date as it stands."""
    if len(dicom_date) == 8 and dicom_date.isdigit():
        return f"{dicom_date[:4]}-{dicom_date[4:6]}-{dicom_date[6:]}"
    return dicom_date or NO_DATE


def examination_cells(record: ExaminationRecord) -> tuple[str, ...]:
    """Return an examination as cells: date, patient, ID, kind, status, reader, key value."""
    patient = record.patient
    return (
        date_text(record.study_date),
        safe_text(patient.name.replace("^", " ")) or "no name",
        safe_text(patient.patient_id),
        record.kind,
        record.status.replace("_", " "),
        safe_text(record.reader),
        safe_text(record.key_value),
    )


def course_line(point: CoursePoint) -> str:
    """Return one measure at one time as a line."""
    measure = point.measure
    spread = ""
    if measure.lower is not None and measure.upper is not None:
        spread = f" (95 % {measure.lower:.1f} to {measure.upper:.1f})"
    signed = "" if point.is_signed else ", not signed"
    level = f"{measure.level}  " if measure.level else ""
    value = f"{measure.value:.1f} {measure.unit}{spread}"
    return f"{date_text(point.study_date)}  {level}{value}{_side_words(measure.curve)}{signed}"


def _side_words(curve: CurveShape | None) -> str:
    """Return where a curve of a frontal film is convex to; empty of measures that are none."""
    if curve is None:
        return ""
    side = curve.patient_side
    to = f"{curve.convex_to} of the picture" if side is None else f"patient’s {side}"
    return f", convex to the {to}"


def kind_words(kind: str) -> str:
    """Return an examination's key as people know it; what is unknown as it stands."""
    try:
        return examination_label(examination_named(kind))
    except ValueError:
        return safe_text(kind)


def study_name(study_date: str, kind: str) -> str:
    """Return what people call a study: its date and what was taken, "2026-11-01 spine MR"."""
    return " ".join(filter(None, (date_text(study_date) if study_date else "", kind_words(kind))))


def object_words(what: AuditObject) -> str:
    """Return what an event is about as people know it.

    Events of earlier versions named studies by the checksum of an image: of that the beginning
    is enough to tell two apart.
    """
    named = safe_text(what.name or what.identifier)
    # A query of a node has the service it asked as its identifier.
    if what.kind is ObjectKind.QUERY and _CHECKSUM.fullmatch(what.identifier):
        # Earlier versions wrote typed words only.
        return f"{THE_ARCHIVE} for “{safe_text(what.query)}”" if what.query else THE_ARCHIVE
    if what.kind is ObjectKind.FILE and what.name == THE_ARCHIVE:
        return THE_ARCHIVE
    if what.kind is ObjectKind.AUDIT_LOG:
        return OBJECT_NAMES[what.kind]
    if what.kind is ObjectKind.STUDY and not what.name and _CHECKSUM.fullmatch(what.identifier):
        named = f"of the image {what.identifier[:8]}…"
    if what.kind is ObjectKind.MODEL and _CHECKSUM.fullmatch(what.identifier):
        named += f" (weights {what.identifier[:8]}…)"
    if what.kind is ObjectKind.SIGNER and _CHECKSUM.fullmatch(what.identifier):
        named += f" (key {what.identifier[:8]}…)"
    return f"{OBJECT_NAMES[what.kind]} {named}".strip()


def query_text(search: Search) -> str:
    """Return what was searched for, as the audit trail tells it; empty where nothing narrows it.

    Returns
    -------
    str
        "neck; tag teaching; from 2026-11-01".
    """
    view = "" if search.view is View.ALL else search.view.value.replace("_", " ")
    kind = kind_words(search.kind) if search.kind else ""
    dates = (date_text(each) if each else "" for each in (search.first_date, search.last_date))
    status = search.status.replace("_", " ")
    named = zip(
        ("list", "image type", "status", "finding at", "tag", "read by", "from", "to"),
        (view, kind, status, search.level, search.tag, search.read_by, *dates),
        strict=True,
    )
    asked = (f"{name} {value}" for name, value in named if value)
    return "; ".join(filter(None, (" ".join(search.words.split()), *asked)))


def kept_again_text(new_files: int, has_result: bool, has_reading: bool) -> str:
    """Return what keeping an examination again brought, as the audit trail tells it."""
    brought = (
        counted(new_files, "new file") if new_files else "",
        "the result" if has_result else "",
        "the reading" if has_reading else "",
    )
    named = ", ".join(filter(None, brought))
    return f"kept again with {named}" if named else "kept again"


def read_text(examinations: int, files: int) -> str:
    """Return how much was read, as the audit trail tells it."""
    return f"{counted(examinations, 'examination')} and {counted(files, 'file')} read"


def archive_state_text(is_sound: bool, damaged: int) -> str:
    """Return what a check of the archive found."""
    faults = ("" if is_sound else "the database", counted(damaged, "file") if damaged else "")
    named = " and ".join(filter(None, faults))
    return ARCHIVE_DAMAGED.format(what=named) if named else ARCHIVE_WHOLE


def event_cells(counter: int, event: AuditEvent) -> tuple[str, ...]:
    """Return an event as cells: number, time, who, what, about what, how it went."""
    about = ", ".join(map(object_words, event.objects))
    went = "" if event.outcome is Outcome.SUCCESS else FAILED
    details = "; ".join(filter(None, (went, safe_text(event.description), safe_text(event.peer))))
    return (
        str(counter),
        event.at_utc[:19].replace("T", " "),
        event.user,
        EVENT_NAMES[event.kind],
        about,
        details,
    )


def verdict_text(verdict: Verdict) -> str:
    """Return what a check of the trail found as a sentence."""
    if verdict.damage is None:
        return f"The audit trail is as it was written: {counted(verdict.records, 'record')}."
    return damage_text(verdict.damage, verdict.counter)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 file", "2 files"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines whose columns stand below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
