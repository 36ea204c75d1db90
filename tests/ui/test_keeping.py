"""Corrections are written by themselves, found again exactly, and never lost in silence."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QMessageBox

from spinealign.domain.errors import (
    CorrectionsError,
    CorrectionsProblem,
    ExportError,
    ExportProblem,
)
from spinealign.domain.paths import resources_dir
from spinealign.export.corrections import corrections_path
from spinealign.reading.session import ReadingSession
from spinealign.ui.work.services import (
    NETWORK_FOLDER,
    PASTED_PREFIX,
    _is_own,
    program_services,
)
from tests.ui.hands import Hands

CORNER = ("C5", "anterior_inferior")


def correct(hands, by=(7.25, -3.5)):
    x, y = hands.place_of(*CORNER)
    place = (x + by[0], y + by[1])
    hands.drag((x, y), place)
    return hands.place_of(*CORNER)


@pytest.fixture
def on_disk(fake, tmp_path):
    """Let the fake services keep corrections as the program does."""
    real = program_services(tmp_path / "profile")
    build = fake.build

    def built(profile_dir=None):
        return replace(
            build(),
            load_corrections=real.load_corrections,
            corrections_marks=real.corrections_marks,
            save_corrections=real.save_corrections,
        )

    fake.build = built


def test_a_change_is_written_shortly_after_it_is_made(qtbot, hands, fake):
    with qtbot.waitSignal(hands.window.workbench.editing.saved):
        place = correct(hands)
    [kept] = fake.kept.values()
    mark = kept.vertebrae[3].landmark(CORNER[1])
    assert (mark.x, mark.y) == place
    assert hands.window.workbench.editing.unsaved_count == 0
    assert "film_1.png.spinealign.json" in hands.window.status.step.text()


def test_leaving_a_case_writes_at_once(qtbot, hands, fake, analysed):
    correct(hands)
    with qtbot.waitSignal(hands.window.workbench.editing.saved):
        analysed("ct_2.dcm")
    assert len(fake.kept) == 1


def test_closing_a_case_writes_at_once(qtbot, hands, fake):
    correct(hands)
    with qtbot.waitSignal(hands.window.workbench.editing.saved):
        hands.window.workbench.close_current()
    assert len(fake.kept) == 1


def test_closing_the_window_waits_until_all_is_written(qtbot, hands, fake):
    correct(hands)
    hands.window.close()
    qtbot.waitUntil(lambda: not hands.window.isVisible())
    assert len(fake.kept) == 1


def test_corrections_are_opened_again_exactly(qtbot, on_disk, open_window, files):
    [path] = files("film_1.png")
    first = open_window()
    with qtbot.waitSignal(first.workbench.session.finding_ready):
        first.workbench.opener.open_paths([path])
    hands = Hands(first)
    correct(hands)
    first.correction.changes.delete(hands.body("C3"))
    hands.tool("distance")
    hands.click((100, 100))
    hands.click((200.5, 150.25))
    before = first.workbench.editing.analysis
    first.close()
    qtbot.waitUntil(lambda: not first.isVisible())
    assert corrections_path(path).exists()
    again = open_window()
    with qtbot.waitSignal(again.workbench.session.finding_ready):
        again.workbench.opener.open_paths([path])
    after = again.workbench.editing.analysis
    assert after.corrections == before.corrections
    assert after.vertebrae == before.vertebrae
    assert after.measurements == before.measurements
    assert "manually corrected" in again.windowTitle()
    assert len(again.viewer.picture.drawings.handles()) == 2
    again.actions_by_name["reset_edits"].trigger()
    assert {b.name for b in again.workbench.editing.analysis.vertebrae} >= {"C3"}


def test_saved_results_hold_the_corrections(qtbot, hands, fake, monkeypatch, tmp_path):
    written = []
    place = correct(hands)
    services = replace(
        hands.window.workbench.services,
        write_bundle=lambda analysis, folder, _: written.append(analysis),
    )
    monkeypatch.setattr(hands.window.workbench.saver, "_services", services)
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path)
    )
    with qtbot.waitSignal(hands.window.workbench.saver.saved):
        hands.window.actions_by_name["save"].trigger()
    mark = written[0].vertebrae[3].landmark(CORNER[1])
    assert (mark.x, mark.y) == place
    assert written[0].automatic is not None


FULL = ExportError(Path("film_1.png.spinealign.json"), ExportProblem.DISK_FULL)


def test_a_failure_is_said_and_the_correction_stays(qtbot, hands, fake):
    fake.keep_failure = FULL
    with qtbot.waitSignal(hands.window.workbench.messages.failed):
        place = correct(hands)
    assert "disk is full" in hands.window.banner.text
    assert hands.window.workbench.editing.unsaved_count == 1
    assert hands.place_of(*CORNER) == place
    fake.keep_failure = None
    with qtbot.waitSignal(hands.window.workbench.editing.saved):
        hands.window.workbench.editing.save()
    assert hands.window.workbench.editing.unsaved_count == 0


@pytest.mark.parametrize("answer", ["Cancel", "Discard"])
def test_what_could_not_be_written_is_asked_about(qtbot, hands, fake, monkeypatch, answer):
    fake.keep_failure = FULL
    with qtbot.waitSignal(hands.window.workbench.messages.failed):
        correct(hands)
    asked = []

    def ask(*words):
        asked.append(words[2])
        return QMessageBox.StandardButton[answer]

    monkeypatch.setattr("spinealign.ui.correcting.correction_controller.QMessageBox.warning", ask)
    hands.window.close()
    qtbot.waitUntil(lambda: bool(asked))
    assert "1 case could not be written" in asked[0]
    if answer == "Discard":
        qtbot.waitUntil(lambda: not hands.window.isVisible())
        return
    assert hands.window.isVisible()
    assert hands.window.isEnabled()
    fake.keep_failure = None
    hands.window.close()
    qtbot.waitUntil(lambda: not hands.window.isVisible())
    assert len(fake.kept) == 1


def test_a_closed_case_that_could_not_be_written_comes_back(qtbot, hands, fake, files):
    fake.keep_failure = FULL
    with qtbot.waitSignal(hands.window.workbench.messages.failed):
        place = correct(hands)
    with qtbot.waitSignal(hands.window.workbench.messages.failed):
        hands.window.workbench.close_current()
    fake.keep_failure = None
    with qtbot.waitSignal(hands.window.workbench.session.finding_ready):
        hands.window.workbench.opener.open_paths(files("film_1.png"))
    assert hands.place_of(*CORNER) == place


def test_a_damaged_file_is_said_and_the_automatic_result_shown(
    qtbot, fake, open_window, files, monkeypatch
):
    [path] = files("film_1.png")

    def broken(analysis):
        raise CorrectionsError(corrections_path(path), CorrectionsProblem.BROKEN)

    build = fake.build
    monkeypatch.setattr(fake, "build", lambda: replace(build(), load_corrections=broken))
    window = open_window()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    assert window.banner.text
    assert window.workbench.editing.analysis.corrections is None
    assert len(window.workbench.editing.analysis.vertebrae) == 6


def test_it_is_said_where_corrections_are_if_not_beside_the_image(qtbot, hands, fake, tmp_path):
    elsewhere = tmp_path / "profile" / "corrections" / "abc.spinealign.json"
    fake.keep_at = elsewhere
    with qtbot.waitSignal(hands.window.workbench.editing.saved):
        correct(hands)
    assert "profile folder" in hands.window.banner.text
    assert str(elsewhere) in hands.window.banner.text


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (resources_dir() / "samples" / "film.png", True),
        (Path("/tmp") / f"{PASTED_PREFIX}x1" / "Pasted 1.png", True),
        (Path("/profile") / NETWORK_FOLDER / "a" / "film.dcm", True),
        (Path("/profile") / "film.png", False),
        (Path("/data") / "film.png", False),
    ],
    ids=["sample", "pasted", "from a node", "in the profile", "file"],
)
def test_nothing_is_written_beside_samples_pasted_and_received_pictures(path, own):
    assert _is_own(path, Path("/profile")) is own


@pytest.fixture
def as_real(fake):
    """Let the fake services keep corrections beside the readings, as the program does."""
    real, build = program_services(fake.profile_dir), fake.build
    fake.build = lambda: replace(
        build(),
        load_corrections=real.load_corrections,
        corrections_marks=real.corrections_marks,
        save_corrections=real.save_corrections,
    )


def test_a_correction_begun_before_another_window_signed_is_taken_back(
    qtbot, as_real, open_window, files, fake
):
    [path] = files("film_1.png")
    window = open_window()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    hands, editing = Hands(window), window.workbench.editing
    before, told = hands.place_of(*CORNER), []
    window.workbench.messages.failed.connect(lambda message: told.append(message.sentence))
    correct(hands)
    assert editing.unsaved_count == 1
    other = ReadingSession(editing.analysis.automatic, fake.reading_store(), "Another")
    other.accept_rest()
    other.sign()
    qtbot.waitUntil(lambda: hands.place_of(*CORNER) == before)
    assert not corrections_path(path).exists()
    assert editing.unsaved_count == 0
    assert not editing.undo_label
    assert any("it was not kept" in sentence for sentence in told)
    qtbot.waitUntil(lambda: window.workbench.readings.is_signed)
    qtbot.waitUntil(lambda: not window.workbench.readings.is_saving)
    shown = window.workbench.readings.shown
    assert shown.reading.reader == "Another"
    qtbot.waitUntil(lambda: not window.workbench.readings.shown.is_changed_since_signed)
    editing.save()
    assert not corrections_path(path).exists()


@pytest.mark.parametrize("is_removed", [True, False], ids=["removed", "changed"])
def test_a_signed_picture_is_shown_as_signed_whatever_lies_beside_it(
    qtbot, as_real, open_window, files, fake, is_removed
):
    [path] = files("film_1.png")
    window = open_window()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    hands, editing = Hands(window), window.workbench.editing
    with qtbot.waitSignal(editing.saved):
        place = correct(hands)
        editing.save()
    other = ReadingSession(editing.analysis, fake.reading_store(), "Another")
    other.accept_rest()
    other.sign()
    signed = editing.corrections
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    beside = corrections_path(path)
    if is_removed:
        beside.unlink()
    else:
        changed = json.loads(beside.read_text())
        changed["corrections"]["vertebrae"][0]["outline"][0][0] += 9.0
        beside.write_text(json.dumps(changed))
    left = beside.read_bytes() if beside.exists() else b""
    again = open_window()
    with qtbot.waitSignal(again.workbench.session.finding_ready):
        again.workbench.opener.open_paths([path])
    assert again.workbench.editing.corrections == signed
    assert Hands(again).place_of(*CORNER) == place
    assert again.banner.text.startswith("The corrections beside the image are missing or not")
    assert again.workbench.readings.is_signed
    assert not again.workbench.readings.shown.is_changed_since_signed
    assert (beside.read_bytes() if beside.exists() else b"") == left


def test_a_date_given_after_signing_is_kept(qtbot, as_real, open_window, files, fake):
    [path] = files("film_1.png")
    window = open_window()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    editing = window.workbench.editing
    other = ReadingSession(editing.analysis, fake.reading_store(), "Another")
    other.accept_rest()
    other.sign()
    with qtbot.waitSignal(editing.saved):
        window.correction.changes.set_examination_date(date(2024, 3, 20))
        editing.save()
    assert editing.unsaved_count == 0
    assert "2024-03-20" in corrections_path(path).read_text()


def test_what_is_taken_back_while_it_is_written_is_off_the_disk_again(qtbot, hands, fake):
    editing, files = hands.window.workbench.editing, hands.window.workbench.files
    x, y = hands.place_of("C4", "anterior_superior")
    hands.drag((x, y), (x + 20, y))
    editing.save()
    editing.undo()
    editing.save()
    qtbot.waitUntil(lambda: not files.is_busy)
    assert editing.unsaved_count == 0
    path = hands.window.workbench.current.display.image.source_path
    assert fake.kept[path] is None


@pytest.fixture
def two_windows(qtbot, fake, open_window, files):
    """Two programs of one profile, A and B, with one film."""
    build = fake.build

    def built():
        real = program_services(fake.profile_dir)
        return replace(
            build(),
            load_corrections=real.load_corrections,
            save_corrections=real.save_corrections,
            corrections_marks=real.corrections_marks,
        )

    fake.build = built
    [path] = files("film_1.png")
    windows = open_window(), open_window()
    for window in windows:
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.workbench.opener.open_paths([path])
    return path, *windows


def turned_by_key(qtbot, window):
    """Change something that is no correction of a point, and let it be written."""
    # Not by its key: of two windows only one has the keyboard.
    window.actions_by_name["turn_left"].trigger()
    assert window.workbench.editing.undo_label
    window.workbench.editing.save()
    qtbot.waitUntil(lambda: not window.workbench.files.is_busy)


def stored_corner(path):
    bodies = json.loads(corrections_path(path).read_text())["corrections"]["vertebrae"]
    marks = next(body for body in bodies if body["level"] == CORNER[0])["landmarks"]
    return next((mark["x"], mark["y"]) for mark in marks if mark["name"] == CORNER[1])


def contest(qtbot, two_windows):
    """Correct a corner in B, change something in A, and open A's question."""
    path, a, b = two_windows
    with qtbot.waitSignal(b.workbench.editing.saved):
        place = correct(Hands(b))
        b.workbench.editing.save()
    written = corrections_path(path).read_bytes()
    turned_by_key(qtbot, a)
    qtbot.waitUntil(lambda: a.banner.text.startswith("Another window changed the corrections"))
    assert corrections_path(path).read_bytes() == written
    assert a.workbench.editing.unsaved_count == 1
    QTest.mouseClick(a.banner._action, Qt.MouseButton.LeftButton)
    [box] = [each for each in a.findChildren(QMessageBox) if each.isVisible()]
    return path, a, place, box, written


def press(box, words):
    [button] = [each for each in box.buttons() if each.text() == words]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_corrections_of_another_window_are_not_overwritten_but_taken_over(qtbot, two_windows):
    path, a, place, box, written = contest(qtbot, two_windows)
    own = a.workbench.editing.corrections
    press(box, "Take over the other’s corrections")
    qtbot.waitUntil(lambda: Hands(a).place_of(*CORNER) == place)
    a.workbench.editing.save()
    qtbot.waitUntil(lambda: not a.workbench.files.is_busy)
    assert a.workbench.editing.unsaved_count == 0
    assert corrections_path(path).read_bytes() == written
    assert not a.banner.isVisible()
    with qtbot.waitSignal(a.workbench.editing.saved):
        a.actions_by_name["undo"].trigger()
    assert a.workbench.editing.corrections == own
    assert stored_corner(path) != place


def test_ones_own_corrections_are_kept_with_a_copy_of_the_others(qtbot, two_windows):
    path, a, place, box, written = contest(qtbot, two_windows)
    assert stored_corner(path) == place
    with qtbot.waitSignal(a.workbench.editing.saved):
        press(box, "Keep mine")
    assert stored_corner(path) != place
    kept = path.with_name(f"{path.name}.spinealign.kept-1.json")
    assert kept.read_bytes() == written
    assert a.workbench.editing.unsaved_count == 0
    with qtbot.waitSignal(a.workbench.editing.saved):
        turned_by_key(qtbot, a)
    assert len(list(path.parent.glob("*.kept-*.json"))) == 1


def test_a_contest_that_is_not_decided_loses_nothing(qtbot, two_windows):
    path, a, _, box, written = contest(qtbot, two_windows)
    QTest.keyClick(box, Qt.Key.Key_Escape)
    turned_by_key(qtbot, a)
    assert a.banner.text.startswith("Another window changed the corrections")
    assert corrections_path(path).read_bytes() == written
    assert a.workbench.editing.unsaved_count == 1
    a.workbench.editing.give_up_unsaved()


def test_a_window_that_writes_alone_is_never_asked(qtbot, two_windows):
    path, a, _ = two_windows
    for _ in range(3):
        with qtbot.waitSignal(a.workbench.editing.saved):
            turned_by_key(qtbot, a)
    with qtbot.waitSignal(a.workbench.session.finding_ready):
        a.actions_by_name["again"].trigger()
    with qtbot.waitSignal(a.workbench.editing.saved):
        turned_by_key(qtbot, a)
    assert not list(path.parent.glob("*.kept-*.json"))


def test_corrections_read_again_by_another_window_are_its_own_to_change(qtbot, two_windows):
    path, a, b = two_windows
    with qtbot.waitSignal(b.workbench.editing.saved):
        place = correct(Hands(b))
        b.workbench.editing.save()
    a.workbench.close_current()
    with qtbot.waitSignal(a.workbench.session.finding_ready):
        a.workbench.opener.open_paths([path])
    with qtbot.waitSignal(a.workbench.editing.saved):
        turned_by_key(qtbot, a)
    assert stored_corner(path) == place
