"""The encrypted archive on the command line: kept, searched, followed, backed up, restored."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from spinealign.cli.own_readings import OwnReadings
from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import (
    add_action,
    asked,
    new_password,
    own_place,
    password,
    signed_in,
)
from spinealign.domain.generators import mapped, run_to_end
from spinealign.domain.reading import ReadingStatus

if TYPE_CHECKING:
    from spinealign.archive.records import Search
    from spinealign.domain.study import SeriesEntry
    from spinealign.vault.keeping import Opened

EXIT_DONE, EXIT_SOME_FAILED = 0, 1
_VIEWS = ("all", "to-read", "mine", "signed-today")


def add_archive(commands: Any) -> None:
    """Add the command `archive` with its actions."""
    archive = commands.add_parser(
        "archive", help="keep, search, back up and restore examinations in the encrypted archive"
    )
    actions = archive.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "set-up", _set_up, "make an archive without accounts, its key in the "
            "system's key store")  # fmt: skip
    _action(actions, "turn-off", _turn_off, "end encryption without accounts: readings go back to "
            "the profile in plain, what is in the archive stays closed")  # fmt: skip
    keep = _action(actions, "keep", _keep, "put images into the archive, a series each")
    keep.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files or folders")
    keep.add_argument(
        "--analyze", action="store_true", help="analyse the likeliest picture of each as well"
    )
    _add_search(_action(actions, "search", _search, "list examinations, the latest first"))
    for name, run, words in (
        ("tag", _tag, "give an examination these tags and no others"),
        ("note", _note, "add a note to an examination"),
    ):
        action = _action(actions, name, run, words, has_identifier=True)
        action.add_argument("words", nargs="+", metavar="WORD")
    _action(actions, "untag", _untag, "take an examination's tags away", has_identifier=True)
    course = _action(actions, "course", _course, "one measure in all examinations of the patient",
                     has_identifier=True)  # fmt: skip
    course.add_argument("measure", metavar="MEASURE", help="its code, such as cobb_c2_c7")
    course.add_argument(
        "level", nargs="?", metavar="LEVEL", help="such as C2/C7 (default: all that it has)"
    )
    delete = _action(
        actions, "delete", _delete, "delete examinations with all that belongs to them"
    )
    delete.add_argument("identifiers", nargs="+", metavar="ID")
    due = _action(actions, "due", _due, "list what has not changed for some years")
    due.add_argument("--years", type=int, required=True)
    due.add_argument("--delete", action="store_true", help="delete what is listed")
    due.add_argument("--unsigned", action="store_true", help="what was never signed too")
    export = _action(actions, "export", _export, "write an examination into an encrypted package",
                     has_identifier=True)  # fmt: skip
    export.add_argument("file", type=Path, metavar="FILE")
    take = _action(actions, "import", _import, "put the examination of a package into the archive")
    take.add_argument("file", type=Path, metavar="FILE")
    _add_safety(actions)


def _add_safety(actions: Any) -> None:
    back_up = _action(actions, "back-up", _back_up, "copy what is new to another disk, encrypted")
    back_up.add_argument("disk", type=Path, metavar="FOLDER")
    drill = _action(actions, "drill", _drill, "restore a back-up for trial and read all of it")
    restore = _action(actions, "restore", _restore, "make an archive of a back-up on this computer")
    restore.add_argument(
        "--recovery-key", action="store_true",
        help="open it with the printed recovery key, which is asked for",
    )  # fmt: skip
    for action in (drill, restore):
        action.add_argument(
            "copy", type=Path, metavar="BACK-UP",
            help="folder of one back-up, or of all of them: then the latest counts",
        )  # fmt: skip
    _action(actions, "check", _check, "read the whole archive and say whether it is as written")


def _action(
    actions: Any, name: str, run: Any, words: str, has_identifier: bool = False
) -> argparse.ArgumentParser:
    positional = ("identifier", "ID", "as `archive search` lists it") if has_identifier else None
    return add_action(actions, name, run, words, positional)


def _add_search(search: argparse.ArgumentParser) -> None:
    search.add_argument("words", nargs="*", metavar="WORD", help="beginnings of words, all of them")
    search.add_argument("--list", choices=_VIEWS, default="all", help="one of the worklists")
    search.add_argument("--kind", default="", help="such as lateral-neck")
    search.add_argument("--status", default="", choices=("", *ReadingStatus), metavar="STATUS",
                        help="automatic, being_read, signed or amended")  # fmt: skip
    search.add_argument("--level", default="", metavar="LEVEL", help="with a finding there")
    search.add_argument("--tag", default="")
    search.add_argument("--reader", default="", metavar="NAME", help="as it stands under readings")
    for name in ("from", "to"):
        search.add_argument(f"--{name}", default="", metavar="DATE", help="such as 2026-11-29")
    search.add_argument("--most", type=int, default=500, metavar="N")


def _set_up(_options: argparse.Namespace) -> int:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.vault.key_store_archive import turn_on
    from spinealign.wording.archive import SET_UP

    place = own_place()
    try:
        turn_on(place, KeyStore(ARCHIVE)).close()
    except FileExistsError:
        raise WrongUseError(f"there is an archive already in {place.folder}") from None
    print(SET_UP.format(folder=place.folder))
    return EXIT_DONE


def _turn_off(options: argparse.Namespace) -> int:
    from spinealign.vault.key_store_archive import turn_off
    from spinealign.wording.accounts_window import turned_off_text

    with signed_in(options) as session:
        moved, left = turn_off(session)
    print(turned_off_text(moved, left))
    return EXIT_SOME_FAILED if left else EXIT_DONE


def _keep(options: argparse.Namespace) -> int:
    from spinealign.imaging.study import scan_paths
    from spinealign.vault.keeping import keep
    from spinealign.vault.taking_in import TAKEN_IN, take_in
    from spinealign.wording import explain
    from spinealign.wording.archive import AND_MORE, KEPT_EXAMINATION, counted
    from spinealign.wording.archive_window import IN_ZIP
    from spinealign.wording.text import safe_text

    with signed_in(options) as session:
        take_in(session.place, TAKEN_IN)
        own = OwnReadings(session.place.kept, session)
        scan = run_to_end(scan_paths(options.inputs))
        for error in scan.refused:
            message = explain(error)
            sys.stderr.write(f"{message.sentence} {message.advice}\n")
        loose = [entry for entry in scan.found if not any(part.member for part in entry.parts)]
        if len(loose) < len(scan.found):
            sys.stderr.write(f"{IN_ZIP.sentence} {IN_ZIP.advice}\n")
        for entry in loose:
            opened = _opened(entry, own, is_analysed=options.analyze)
            record = keep(session, opened)
            told = counted(len(opened.files), "file")
            what = safe_text(record.description or entry.description or record.kind or "images")
            more = AND_MORE if len(opened.files) > 1 else ""
            names = safe_text(opened.files[0].name) + more
            print(
                KEPT_EXAMINATION.format(
                    identifier=record.identifier, what=what, files=told, names=names
                )
            )
    is_all = len(loose) == len(scan.found) > 0
    return EXIT_DONE if is_all and not scan.refused else EXIT_SOME_FAILED


def _opened(entry: SeriesEntry, own: OwnReadings, *, is_analysed: bool) -> Opened:
    from spinealign.imaging.study import read_patient
    from spinealign.vault.keeping import Opened

    files = tuple(dict.fromkeys(part.path for part in entry.parts))
    possible = entry.possible_examinations or ()
    kind = possible[0].key if len(possible) == 1 else ""
    opened = Opened(files, read_patient(entry.parts[0]), kind, description=entry.description)
    return _analysed(entry, opened, own) if is_analysed else opened


def _analysed(entry: SeriesEntry, opened: Opened, own: OwnReadings) -> Opened:
    """Return an examination with its result, as corrected, and the reading that is stored."""
    from dataclasses import replace

    from spinealign.analysis import analyze_file
    from spinealign.export.thumbnail import thumbnail_png
    from spinealign.inference.catalog import ModelStore
    from spinealign.reading.key_value import key_value_of_result

    work = analyze_file(entry, ModelStore(), None, None, False, own.presentation)
    analysis = own.corrected(run_to_end(work), is_reading_ignored=False)
    reading, left_out = own.reading(analysis, is_ignored=False)
    dicom = analysis.image.dicom
    return replace(
        opened,
        kind="" if analysis.examination is None else analysis.examination.key,
        study_uid="" if dicom is None else dicom.study_instance_uid,
        # A reading that is left out may have overruled what the analysis says.
        key_value="" if left_out is not None else key_value_of_result(analysis, reading),
        analysis=analysis,
        reading=reading,
        thumbnail_png=thumbnail_png(analysis.image),
    )


def _search(options: argparse.Namespace) -> int:
    from spinealign.wording.archive import (
        ALL_EXAMINATIONS,
        NOTHING_FOUND,
        columns,
        examination_cells,
        query_text,
    )

    options.kind = _kind(options.kind)
    with signed_in(options) as session:
        wanted = _wanted(options, session.person.signs_as)
        found = session.archive.search(wanted)
        session.record_query(query_text(wanted) or ALL_EXAMINATIONS)
    rows = [(each.identifier, *examination_cells(each)) for each in found]
    print("\n".join(columns(rows)) if rows else NOTHING_FOUND)
    return EXIT_DONE


def _wanted(options: argparse.Namespace, reader: str) -> Search:
    from spinealign.archive.records import Search, View
    from spinealign.archive.searching import day_of

    return Search(
        words=" ".join(options.words), view=View(options.list.replace("-", "_")), reader=reader,
        today_utc=day_of(datetime.now(UTC)), kind=options.kind, status=options.status,
        level=options.level, tag=options.tag, read_by=options.reader,
        first_date=_dicom_date(getattr(options, "from")), last_date=_dicom_date(options.to),
        most=options.most,
    )  # fmt: skip


def _kind(name: str) -> str:
    from spinealign.domain.examination import EXAMINATIONS, examination_named
    from spinealign.wording.archive import NO_SUCH_KIND

    try:
        return examination_named(name).key if name else ""
    except ValueError:
        kinds = ", ".join(each.key for each in EXAMINATIONS.values())
        raise WrongUseError(NO_SUCH_KIND.format(kind=name, kinds=kinds)) from None


def _dicom_date(text: str) -> str:
    try:
        return date.fromisoformat(text).strftime("%Y%m%d") if text else ""
    except ValueError:
        raise WrongUseError(f"“{text}” is no date; write it as 2026-11-29") from None


def _tag(options: argparse.Namespace) -> int:
    from spinealign.vault.keeping import set_tags

    with signed_in(options) as session:
        set_tags(session, options.identifier, options.words)
    return EXIT_DONE


def _untag(options: argparse.Namespace) -> int:
    options.words = []
    return _tag(options)


def _note(options: argparse.Namespace) -> int:
    from spinealign.vault.keeping import add_note

    with signed_in(options) as session:
        add_note(session, options.identifier, " ".join(options.words))
    return EXIT_DONE


def _course(options: argparse.Namespace) -> int:
    from spinealign.accounts.book import Right
    from spinealign.audit.events import EventKind
    from spinealign.vault.keeping import objects_of
    from spinealign.wording.archive import NOTHING_FOUND, course_line

    with signed_in(options) as session:
        session.require(Right.VIEW)
        record = session.archive.get(options.identifier)
        session.record(EventKind.VIEW, *objects_of(record))
        points = session.archive.course(options.identifier, options.measure, options.level)
    print("\n".join(map(course_line, points)) or NOTHING_FOUND)
    return EXIT_DONE


def _delete(options: argparse.Namespace) -> int:
    from spinealign.vault.keeping import delete
    from spinealign.wording.archive import DELETED_EXAMINATIONS, counted

    with signed_in(options) as session:
        delete(session, options.identifiers)
    count = counted(len(options.identifiers), "examination")
    print(DELETED_EXAMINATIONS.format(count=count))
    return EXIT_DONE


def _due(options: argparse.Namespace) -> int:
    from spinealign.archive.records import RetentionRule
    from spinealign.vault.keeping import delete
    from spinealign.wording.archive import (
        DELETED_EXAMINATIONS,
        DUE_HINT,
        NOTHING_FOUND,
        columns,
        counted,
        examination_cells,
    )

    if options.years < 1:
        raise WrongUseError("--years has to be 1 or more")
    rule = RetentionRule(options.years, keeps_unsigned=not options.unsigned)
    with signed_in(options) as session:
        due = session.archive.due(rule, datetime.now(UTC).date())
        if options.delete:
            delete(session, [each.identifier for each in due])
    if not due:
        print(NOTHING_FOUND)
        return EXIT_DONE
    print("\n".join(columns([(each.identifier, *examination_cells(each)) for each in due])))
    told = DELETED_EXAMINATIONS if options.delete else DUE_HINT
    print(told.format(count=counted(len(due), "examination")))
    return EXIT_DONE


def _export(options: argparse.Namespace) -> int:
    from spinealign.vault.exchange import export_package
    from spinealign.wording.archive import PACKED

    with signed_in(options) as session:
        export_package(session, options.identifier, options.file, new_password(options.file.name))
    print(PACKED.format(file=options.file))
    return EXIT_DONE


def _import(options: argparse.Namespace) -> int:
    from spinealign.vault.exchange import import_package
    from spinealign.wording.archive import (
        PASSWORD_PROMPT,
        THERE_ALREADY,
        UNPACKED,
        examination_cells,
    )

    with signed_in(options) as session:
        prompt = PASSWORD_PROMPT.format(name=options.file.name)
        record, is_new = import_package(session, options.file, asked(prompt))
    cells = "  ".join(filter(None, examination_cells(record)))
    print((UNPACKED if is_new else THERE_ALREADY).format(identifier=record.identifier, what=cells))
    return EXIT_DONE


def _back_up(options: argparse.Namespace) -> int:
    from spinealign.archive.backup import BackedUp
    from spinealign.vault.safety_copies import back_up
    from spinealign.wording.archive import BACKED_UP, counted

    with signed_in(options) as session:
        done = _last(back_up(session, options.disk), _show_files)
    assert isinstance(done, BackedUp)
    print(
        BACKED_UP.format(
            folder=done.folder, examinations=counted(done.examinations, "examination"),
            files=counted(done.files, "file"), new=done.new_files,
        )
    )  # fmt: skip
    return EXIT_DONE


def _drill(options: argparse.Namespace) -> int:
    from spinealign.vault.safety_copies import drilling
    from spinealign.wording.archive import DRILLED, counted

    copy = _one_copy(options.copy)
    with signed_in(options) as session, TemporaryDirectory(prefix="spinealign-drill-") as folder:
        examinations, files = _shown(drilling(session, copy, Path(folder)))
    told = (counted(examinations, "examination"), counted(files, "file"))
    print(DRILLED.format(examinations=told[0], files=told[1]))
    return EXIT_DONE


def _restore(options: argparse.Namespace) -> int:
    from spinealign.vault import safety_copies
    from spinealign.wording.archive import (
        PASSWORD_PROMPT,
        RECOVERY_PROMPT,
        RESTORED,
        RESTORED_BY_KEY,
        WHERE_AN_ARCHIVE_IS,
        WHOSE_BACK_UP,
        counted,
    )

    place = own_place()
    try:  # before passwords and keys are asked for
        safety_copies.require_none(place)
    except FileExistsError:
        raise WrongUseError(
            WHERE_AN_ARCHIVE_IS.format(folder=place.folder, anchor=place.anchor)
        ) from None
    copy = _one_copy(options.copy)
    names = [account.name for account in safety_copies.accounts_of(copy)]
    if (options.user or "").casefold() not in map(str.casefold, names):
        raise WrongUseError(WHOSE_BACK_UP.format(names=", ".join(names)))
    told = RESTORED_BY_KEY if options.recovery_key else RESTORED
    if options.recovery_key:
        key = asked(RECOVERY_PROMPT)
        new = new_password(options.user)
        by_key = safety_copies.restoring_with_recovery_key(copy, place, key, options.user, new)
        files = _shown(by_key)
    else:
        given = password(options, PASSWORD_PROMPT.format(name=options.user))
        files = _shown(safety_copies.restoring(copy, place, options.user, given))
    print(told.format(files=counted(files, "file"), name=options.user))
    return EXIT_DONE


def _one_copy(folder: Path) -> Path:
    from spinealign.archive.backup import CONTENTS
    from spinealign.vault.safety_copies import back_ups_on

    if (folder / CONTENTS).is_file():
        return folder
    found = back_ups_on(folder)
    if not found:
        raise WrongUseError(f"there is no back-up in {folder}")
    return found[-1]


def _check(options: argparse.Namespace) -> int:
    from spinealign.vault.safety_copies import checking
    from spinealign.wording.archive_list import check_text

    with signed_in(options) as session:
        found = run_to_end(checking(session))
    print(check_text(found))
    return EXIT_DONE if found.is_whole else EXIT_SOME_FAILED


def _last(steps: Any, show: Callable[[object], None]) -> object:
    last: object = None
    for last in steps:
        show(last)
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return last


def _shown(steps: Generator[object, None, Any]) -> Any:
    """Run steps to their end, with their progress on a screen, and return what they return."""
    result = run_to_end(mapped(steps, _show_files))
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return result


def _show_files(step: object) -> None:
    if sys.stderr.isatty() and isinstance(step, Sequence):
        sys.stderr.write(f"\r\033[K{step[0]} / {step[1]}")
