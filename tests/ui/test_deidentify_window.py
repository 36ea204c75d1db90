"""De-identify by mouse and keys: what is chosen, a look at the pictures, copies and report."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydicom import dcmread
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog

from spinealign.deidentification.boxes import Box
from spinealign.ui.deidentify.dialog import DeidentifyDialog
from tests.image_files import write_dicom
from tests.ui.access_keys import clashing_keys, unnamed
from tests.ui.cut_texts import settled_cut_texts

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
ROWS, COLUMNS = 300, 400


def pixels(text):
    """Return a soft picture, with a line of text burned into its corner if there is one."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    grey = (60 + 40 * np.sin(rows / 40) + 40 * np.cos(columns / 50)).astype(np.uint8)
    picture = Image.fromarray(grey)
    if text:
        ImageDraw.Draw(picture).text((12, 8), text, fill=255, font_size=18)
    return np.asarray(picture).astype(np.uint16)


@pytest.fixture
def images(tmp_path):
    """Two slices of one patient, one of them with the name burned in."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, text in enumerate(("MILLER ANNA 1970", "")):
        write_dicom(
            folder / f"{number}.dcm", pixels(text), PatientName="Miller^Anna", PatientID="M-17",
            StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2", StudyDate="20260301",
            PatientAge="056Y", Modality="MR",
        )  # fmt: skip
    return folder


@pytest.fixture
def dialog(window, images, tmp_path, monkeypatch):
    """The dialog with the folder and a place for the copies."""
    window.actions_by_name["deidentify"].trigger()
    dialog = window.findChild(DeidentifyDialog)
    answers = iter([str(images), str(tmp_path / "copies")])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: next(answers))
    assert dialog.go_on.toolTip() == "Add images first"
    press(dialog.choices.add_folder)
    assert dialog.go_on.toolTip() == "Choose a folder for the copies first"
    press(dialog.choices.browse)
    return dialog


def press(button):
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, LEFT)


def looked(qtbot, dialog):
    press(dialog.go_on)
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1, timeout=30_000)
    return dialog.review.pictures


def written(qtbot, dialog):
    press(dialog.go_on)
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 2, timeout=30_000)
    return dialog.report.toPlainText()


def copies(tmp_path):
    return sorted((tmp_path / "copies").rglob("*.dcm"))


def test_the_picture_with_text_comes_first_and_is_held_back_unless_accepted(
    qtbot, dialog, tmp_path
):
    first, second = looked(qtbot, dialog)
    assert first.boxes
    assert not second.boxes
    assert dialog.review.list.item(1).text() == "2  no box"
    dialog.review.list.setCurrentRow(1)
    press(dialog.review.accept_one)
    assert (first.is_decided, second.is_decided) == (False, True)
    assert "1 picture with boxes not accepted: held back." in dialog.told.text()
    report = written(qtbot, dialog)
    assert "1 file held back until a person has looked at the pixels" in report
    assert "may have text burned in" in report
    assert "Go back, look at it" in report
    [copy] = copies(tmp_path)
    dataset = dcmread(copy)
    assert dataset.BurnedInAnnotation == "NO"
    assert "Miller" not in str(dataset)
    assert "M-17" not in str(dataset)


def test_accepted_boxes_are_blackened_and_nothing_else(qtbot, dialog, tmp_path):
    first, _ = looked(qtbot, dialog)
    QTest.keyClick(dialog.review.editor, Qt.Key.Key_Return)
    assert dialog.review.list.currentRow() == 1
    QTest.keyClick(dialog.review.editor, Qt.Key.Key_Return)
    assert dialog.told.text() == "2 of 2 pictures accepted."
    assert "2 files written" in written(qtbot, dialog)
    found = [dcmread(path).pixel_array for path in copies(tmp_path)]
    black = np.zeros((ROWS, COLUMNS), bool)
    for box in first.boxes:
        black[box.top : box.bottom, box.left : box.right] = True
    expected = np.where(black, 0, pixels("MILLER ANNA 1970"))
    assert any(np.array_equal(each, expected) for each in found)
    assert any(np.array_equal(each, pixels("")) for each in found)


def test_what_is_kept_is_kept(qtbot, dialog, tmp_path):
    dialog.choices.options["retain_patient"].setFocus()
    QTest.keyClick(dialog.choices.options["retain_patient"], Qt.Key.Key_Space)
    dialog.choices.dates.setCurrentIndex(2)
    looked(qtbot, dialog)
    report = written(qtbot, dialog)
    assert "113108 Retain Patient Characteristics Option" in report
    dataset = dcmread(copies(tmp_path)[0])
    # Nobody accepted this picture: it does not say that it is free of text.
    assert dataset.get("BurnedInAnnotation") != "NO"
    assert (dataset.PatientAge, dataset.StudyDate) == ("056Y", "20260301")


@pytest.fixture
def editor(qtbot, dialog):
    """The editor with the picture without text."""
    looked(qtbot, dialog)
    dialog.review.list.setCurrentRow(1)
    dialog.review.editor.setFocus()
    return dialog.review.editor


def at(editor, row, column):
    return editor.place_of(row, column).toPoint()


def drag(editor, start, end):
    QTest.mousePress(editor, LEFT, pos=at(editor, *start))
    QTest.mouseMove(editor, at(editor, *end))
    QTest.mouseRelease(editor, LEFT, pos=at(editor, *end))


def test_a_box_is_drawn_selected_and_deleted_with_the_mouse(dialog, editor):
    drag(editor, (50, 60), (100, 180))
    [box] = editor.boxes
    for edge, wanted in ((box.top, 50), (box.left, 60), (box.bottom, 100), (box.right, 180)):
        assert abs(edge - wanted) <= 3
    assert dialog.review.pictures[1].boxes == [box]
    assert dialog.review.list.item(1).text() == "2  1 box"
    drag(editor, (150, 200), (200, 300))
    QTest.mouseClick(editor, LEFT, pos=at(editor, 75, 100))
    assert editor.chosen == 0
    press(dialog.review.delete_box)
    assert len(editor.boxes) == 1
    assert editor.boxes[0] != box
    QTest.mouseClick(editor, LEFT, pos=at(editor, 20, 20))
    assert dialog.review.delete_box.toolTip() == "No box is selected"


def test_a_box_is_added_moved_sized_and_deleted_by_keys(dialog, editor):
    QTest.keyClick(editor, Qt.Key.Key_N)
    [box] = editor.boxes
    assert box == Box(135, 160, 165, 240)
    QTest.keyClick(editor, Qt.Key.Key_Left)
    QTest.keyClick(editor, Qt.Key.Key_Up)
    assert editor.boxes == [Box(131, 156, 161, 236)]
    QTest.keyClick(editor, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(editor, Qt.Key.Key_Down, SHIFT)
    assert editor.boxes == [Box(131, 156, 165, 240)]
    for _ in range(80):
        QTest.keyClick(editor, Qt.Key.Key_Right)
        QTest.keyClick(editor, Qt.Key.Key_Down)
    assert editor.boxes == [Box(ROWS - 34, COLUMNS - 84, ROWS, COLUMNS)]
    QTest.keyClick(editor, Qt.Key.Key_N)
    assert editor.chosen == 1
    QTest.keyClick(editor, Qt.Key.Key_Tab, SHIFT)
    assert editor.chosen == 0
    QTest.keyClick(editor, Qt.Key.Key_Delete)
    assert editor.boxes == [Box(135, 160, 165, 240)]


def test_a_box_that_changes_takes_the_acceptance_back(dialog, editor):
    press(dialog.review.accept_one)
    assert dialog.review.pictures[1].is_decided
    dialog.review.list.setCurrentRow(1)
    QTest.keyClick(editor, Qt.Key.Key_N)
    assert not dialog.review.pictures[1].is_decided


def test_what_was_held_back_is_written_after_a_second_look(qtbot, dialog, tmp_path):
    looked(qtbot, dialog)
    assert "held back" in written(qtbot, dialog)
    press(dialog.back)
    assert dialog.pages.currentIndex() == 1
    press(dialog.review.accept_one)
    assert "2 files written" in written(qtbot, dialog)
    assert len(copies(tmp_path)) == 2


def test_copies_among_the_originals_are_refused(qtbot, dialog, images):
    dialog.choices.target.setText(str(images / "inside"))
    press(dialog.go_on)
    qtbot.waitUntil(lambda: "Choose a folder of its own." in dialog.told.text())
    assert dialog.pages.currentIndex() == 0
    assert not (images / "inside").exists()


def test_pictures_that_were_looked_at_are_deleted(qtbot, window, dialog):
    [first, _] = looked(qtbot, dialog)
    assert first.shown.exists()
    dialog.reject()
    assert not first.shown.exists()


@pytest.mark.parametrize("size", [(1284, 691), (902, 486), (683, 384)], ids=str)
def test_nothing_is_cut_on_small_screens(qtbot, window, size, images, tmp_path):
    window.resize(*size)
    window.actions_by_name["deidentify"].trigger()
    dialog = window.findChild(DeidentifyDialog)
    dialog.add([images])
    dialog.choices.target.setText(str(tmp_path / "copies"))
    QApplication.processEvents()
    assert dialog.width() <= window.width()
    assert dialog.height() <= window.height()
    for look in (lambda: None, lambda: looked(qtbot, dialog), lambda: written(qtbot, dialog)):
        look()
        assert settled_cut_texts(qtbot, dialog) == []
        assert clashing_keys(dialog) == {}
        assert unnamed(dialog) == []
    assert dialog.height() <= window.height()
