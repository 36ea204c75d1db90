"""A whole reading: decisions by mouse and keys, impression, signature, addenda."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QLabel, QMessageBox

from spinealign.domain.discs import GradeName
from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import LandmarkName
from spinealign.domain.image import KindCheck
from spinealign.domain.reading import (
    AddendumDraft,
    Decision,
    GradeScale,
    GradeValue,
    Normality,
    PresenceValue,
    ReadImage,
    ReadingStatus,
)
from spinealign.domain.report_details import LeftOutReading, ReadingUse
from spinealign.measure.correction.changes import delete_vertebra, move_landmark
from spinealign.measure.correction.corrected import initial_corrections
from spinealign.reading.impression import Phrase
from spinealign.reading.session import ReadingSession
from spinealign.ui.cases.saving import ReportPatient
from spinealign.ui.printing.preview import PageView
from spinealign.ui.reading.finding_list import DOUBTS, NORMAL, _nothing_abnormal
from spinealign.ui.reading.impression_box import ImpressionBox
from spinealign.ui.reading.phrases_dialog import PhrasesDialog
from spinealign.ui.reading.sign_dialog import AddendumDialog, SignDialog
from spinealign.ui.reading.versions_dialog import VersionsDialog
from spinealign.ui.results.result_page import DETAILS, ImageTypeChoice
from spinealign.ui.widgets.labels import Strip
from spinealign.ui.window.actions import IMAGE_TYPE_COMMANDS
from spinealign.wording.reading_window import SET_ASIDE_ADVICE
from spinealign.wording.worklist import Standing
from tests import fakes
from tests.disc_models import graded_analysis
from tests.examinations import SPINE_MR
from tests.ui.hands import Hands

LEFT, NO_KEYS, CTRL = (
    Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier,
)  # fmt: skip
COBB = "measure/cobb_c2_c7/C2/C7"


def _full_disk(*_):
    raise OSError(28, "No space left on device")


def opened_spoilt(qtbot, neck, open_window, tmp_path):
    """Sign, change the signed file on the disk, and open the film in another window."""
    sign(neck)
    neck.window.close()
    [version] = (tmp_path / "profile" / "readings").glob("*/version-0001.json")
    version.write_text(version.read_text().replace("A. Reader", "B. Reader"))
    again = open_window()
    with qtbot.waitSignal(again.workbench.session.finding_ready):
        again.workbench.opener.open_paths([tmp_path / "film_1.png"])
    return again


class Reader:
    """A person with mouse and keys before the reading page."""

    def __init__(self, qtbot, window):
        self.qtbot, self.window = qtbot, window
        self.actions = 0

    @property
    def page(self):
        return self.window.results.reading

    @property
    def snapshot(self):
        return self.window.workbench.readings.shown

    @property
    def reading(self):
        return self.snapshot.reading

    def rest(self):
        """Wait until everything is on the disk."""
        bench = self.window.workbench
        self.qtbot.waitUntil(lambda: not bench.records.is_busy and not bench.readings.is_saving)

    def key(self, key, keys=NO_KEYS):
        QTest.keyClick(QApplication.focusWidget() or self.window, key, keys)
        self.actions += 1
        self.rest()

    def type(self, text):
        QTest.keyClicks(QApplication.focusWidget(), text)
        self.actions += 1

    def click(self, widget):
        QTest.mouseClick(widget, LEFT)
        self.actions += 1
        self.rest()

    def click_row(self, key):
        row = self.page.findings.row(key)
        QTest.mouseClick(row.title, LEFT)
        self.actions += 1
        return row

    def command(self, name):
        self.window.actions_by_name[name].trigger()
        self.actions += 1
        self.rest()

    def dialog(self, kind):
        found = [d for d in self.window.findChildren(QDialog) if isinstance(d, kind)]
        return next(d for d in found if d.isVisible())

    def sign_dialog(self):
        """Wait for the page in the dialog, before which nothing can be signed."""
        dialog = self.dialog(SignDialog)
        self.qtbot.waitUntil(lambda: isinstance(dialog.preview.widget(), PageView))
        return dialog

    def decision(self, key):
        made = self.reading.decision_on(key)
        return None if made is None else made.decision


@pytest.fixture
def reads(qtbot, window, analysed):
    """Return a function that opens a file for a person to read."""

    def opened(name="film_1.png"):
        window.results.open_folds.clear()
        analysed(name)
        window.activateWindow()
        reader = Reader(qtbot, window)
        reader.rest()
        return reader

    return opened


@pytest.fixture
def neck(reads):
    return reads("film_1.png")


@pytest.fixture
def back(reads):
    return reads("disc_1.png")


def sign(reader, name="A. Reader"):
    reader.command("accept_rest")
    reader.command("sign")
    dialog = reader.sign_dialog()
    if not dialog.name.text():
        QTest.keyClicks(dialog.name, name)
    QTest.mouseClick(dialog.sign, LEFT)
    reader.rest()


class TestFindings:
    def test_the_page_begins_with_whose_image_it_is_and_how_far_it_is_read(self, neck):
        assert neck.page.status.text() == "Automatic"
        assert neck.page.examination.text() == "Lateral cervical radiograph"
        assert DETAILS not in neck.window.results.open_folds
        assert not neck.window.results.page.measures.isVisible()

    def test_nothing_of_a_slice_that_is_not_seen_is_decided(self, back):
        readings, findings = back.window.workbench.readings, back.page.findings
        back.window.workbench.editing.end_run()
        findings.setFocus()
        back.key(Qt.Key.Key_A)
        [decided] = back.reading.decisions
        assert findings.current.buttons[Decision.ACCEPTED].isVisible()
        readings.look_elsewhere("These are the results of slice 10")
        assert not findings.current.buttons[Decision.ACCEPTED].isVisible()
        findings.setFocus()
        for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_Return):
            back.key(key)
        for name in ("accept_rest", "sign", "undo"):
            back.command(name)
        readings.accept_rest()
        readings.decide({"disc/L4/L5": (Decision.REJECTED, None)}, "reject")
        readings.undo()
        readings.sign("A. Reader")
        back.rest()
        assert back.reading.decisions == (decided,)
        assert not readings.is_signed
        assert not [d for d in back.window.findChildren(SignDialog) if d.isVisible()]
        readings.look_elsewhere("")
        assert findings.current.buttons[Decision.ACCEPTED].isVisible()
        back.command("undo")
        assert not back.reading.decisions

    def test_the_worst_finding_is_offered_first_and_the_picture_stays(self, back):
        zoom = back.window.viewer.zoom
        assert back.page.findings.current.key == back.page.findings.rows[0].key == "disc/L4/L5"
        assert back.window.viewer.zoom == zoom

    def test_a_click_goes_to_the_place(self, back):
        zoom = back.window.viewer.zoom
        back.click_row("disc/L4/L5")
        assert back.window.viewer.zoom > zoom
        assert back.window.disc_inset.isVisible()

    @pytest.mark.parametrize(
        ("key", "decision"),
        [
            (Qt.Key.Key_A, Decision.ACCEPTED),
            (Qt.Key.Key_Return, Decision.ACCEPTED),
            (Qt.Key.Key_R, Decision.REJECTED),
            (Qt.Key.Key_Delete, Decision.REJECTED),
        ],
    )
    def test_a_key_decides_and_the_next_line_follows(self, neck, key, decision):
        neck.click_row(COBB)
        neck.key(key)
        assert neck.decision(COBB) is decision
        assert neck.page.findings.current.key == "examination"
        assert neck.page.status.text() == "Being read"
        assert neck.window.actions_by_name["tool_angle"].isChecked() is False

    @pytest.mark.parametrize("decision", [Decision.ACCEPTED, Decision.REJECTED])
    def test_a_button_decides(self, neck, decision):
        row = neck.click_row(COBB)
        neck.click(row.buttons[decision])
        assert neck.decision(COBB) is decision
        assert row.decision is decision

    def test_letters_belong_to_the_tools_while_the_picture_has_the_keys(self, neck):
        neck.window.viewer.setFocus()
        neck.key(Qt.Key.Key_A)
        assert neck.window.actions_by_name["tool_angle"].isChecked()
        assert neck.decision(COBB) is None

    def test_g_brings_the_keys_to_the_findings(self, neck):
        neck.click_row(COBB)
        neck.window.viewer.setFocus()
        row = neck.page.findings.current
        assert row.property("current") == "true"
        neck.command("go_to_findings")
        assert row.property("current") == "keys"
        neck.key(Qt.Key.Key_A)
        assert neck.decision(COBB) is Decision.ACCEPTED

    def test_a_number_is_changed_by_typing(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type("12.5")
        neck.key(Qt.Key.Key_Return)
        made = neck.reading.decision_on(COBB)
        assert made.decision is Decision.CHANGED
        assert (made.human.value, made.human.unit) == (12.5, "deg")
        assert made.automatic.value == pytest.approx(20.9, abs=0.1)
        assert "the program said 20.9°" in neck.page.findings.row(COBB).state.text()

    def test_a_digit_begins_the_number(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_8)
        neck.type(".5")
        neck.key(Qt.Key.Key_Return)
        assert neck.reading.decision_on(COBB).human.value == 8.5
        assert neck.window.viewer.picture.display is not None

    def test_a_digit_is_a_grade_at_once_and_the_rest_of_the_line_is_accepted(self, back):
        row = back.click_row("disc/L5/S1")
        keys = {read.finding.key for read in row.read}
        back.key(Qt.Key.Key_3)
        made = {d.key: d.decision for d in back.reading.decisions}
        assert made.pop("disc_grade/pfirrmann/L5/S1") is Decision.CHANGED
        assert set(made) == keys - {"disc_grade/pfirrmann/L5/S1"}
        assert set(made.values()) == {Decision.ACCEPTED}
        assert back.page.findings.current is not row

    def test_a_digit_that_is_no_grade_is_left_to_the_window(self, back):
        back.click_row("disc/L5/S1")
        back.key(Qt.Key.Key_6)
        assert back.reading.decisions == ()

    def test_escape_leaves_the_finding_as_it_was(self, neck):
        row = neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type("3")
        neck.key(Qt.Key.Key_Escape)
        assert row.editor is None
        assert neck.decision(COBB) is None

    def test_all_grades_of_a_disc_are_changed_in_its_line(self, back):
        row = back.click_row("disc/L5/S1")
        back.key(Qt.Key.Key_C)
        back.key(Qt.Key.Key_2)
        [bulging] = [k for k in row.editor.ticks if "bulging" in k]
        row.editor.ticks[bulging].click()
        back.key(Qt.Key.Key_Return)
        made = {d.key: d for d in back.reading.decisions}
        assert made["disc_grade/pfirrmann/L5/S1"].human == GradeValue(GradeScale.PFIRRMANN, 2)
        assert made[bulging].human == PresenceValue(False)
        [narrowing] = [k for k in row.read if "narrowing" in k.finding.key]
        assert made[narrowing.finding.key].decision is Decision.ACCEPTED
        assert "Pfirrmann grade 2" in row.value.text()
        assert "Pfirrmann grade changed, the program said 4" in row.state.text()

    def test_everything_else_is_accepted_with_one_key(self, neck):
        neck.command("accept_rest")
        assert neck.snapshot.pending == ()
        assert "Cobb" in neck.page.impression.text.toPlainText()
        assert not neck.page.accept_rest.isEnabled()
        assert neck.page.accept_rest.toolTip() == "Every finding is decided"

    def test_normal_findings_are_one_sentence_and_each_can_be_changed(self, back):
        normal = back.page.findings._folds["normal"]
        normal._button.click()
        row = next(r for r in back.page.findings.rows if r.key == "disc/L1/L2")
        assert row.isVisible()
        back.click_row(row.key)
        back.key(Qt.Key.Key_C)
        back.key(Qt.Key.Key_4)
        back.key(Qt.Key.Key_Return)
        assert back.decision("disc_grade/pfirrmann/L1/L2") is Decision.CHANGED

    def test_fast_keys_each_take_their_own_line(self, back):
        back.click_row(back.page.findings.current.key)
        rows = [back.page.findings.current]
        for _ in range(2):
            QTest.keyClick(back.page.findings, Qt.Key.Key_A)
            rows.append(back.page.findings.current)
        back.rest()
        assert len({row.key for row in rows}) == 3
        assert [row.decision for row in rows[:2]] == [Decision.ACCEPTED, Decision.ACCEPTED]

    def test_keys_faster_than_the_disk_decide_once_on_each_line(self, back):
        findings = back.page.findings
        back.click_row(findings.current.key)
        lines = [row for row in findings.rows if row.isVisible()]
        for _ in lines:
            QTest.keyClick(findings, Qt.Key.Key_A)
        assert findings.current is lines[-1]
        back.rest()
        assert {row.decision for row in lines} == {Decision.ACCEPTED}


class TestUndo:
    def test_a_decision_is_undone_and_done_again(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_A)
        assert neck.window.actions_by_name["undo"].text() == "&Undo accept C2–C7 Cobb lordosis"
        neck.command("undo")
        assert neck.decision(COBB) is None
        assert neck.page.status.text() == "Automatic"
        neck.command("redo")
        assert neck.decision(COBB) is Decision.ACCEPTED

    def test_corrections_and_decisions_are_undone_in_the_order_they_were_made(self, neck):
        hands = Hands(neck.window)
        before = hands.place_of("C4", "anterior_superior")
        neck.click_row("examination")
        neck.key(Qt.Key.Key_A)
        hands.drag(before, (before[0] + 20, before[1]))
        moved = hands.place_of("C4", "anterior_superior")
        neck.click_row("levels")
        neck.key(Qt.Key.Key_A)
        neck.command("undo")
        assert neck.decision("levels") is None
        neck.command("undo")
        assert hands.place_of("C4", "anterior_superior") == pytest.approx(before)
        neck.command("undo")
        assert neck.decision("examination") is None
        for _ in range(3):
            neck.command("redo")
        assert hands.place_of("C4", "anterior_superior") == pytest.approx(moved)
        assert neck.decision("levels") is Decision.ACCEPTED

    def test_a_moved_point_makes_the_decision_on_its_value_outdated(self, qtbot, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_A)
        hands = Hands(neck.window)
        place = hands.place_of("C7", "posterior_inferior")
        hands.drag(place, (place[0], place[1] + 25))
        neck.window.workbench.readings.catch_up()
        neck.rest()
        row = neck.page.findings.row(COBB)
        assert row.decision is Decision.UNDECIDED
        assert "check it" in row.state.text()

    def test_a_value_of_the_reader_s_that_a_moved_point_withdraws_is_told(self, qtbot, neck):
        told = []
        neck.window.workbench.messages.noticed.connect(lambda m, *_: told.append(m.sentence))
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type("-5")
        neck.key(Qt.Key.Key_Return)
        neck.rest()
        assert neck.decision(COBB) is Decision.CHANGED
        hands = Hands(neck.window)
        place = hands.place_of("C7", "posterior_inferior")
        hands.drag(place, (place[0], place[1] + 25))
        neck.window.workbench.readings.catch_up()
        neck.rest()
        assert "(you said -5.0°)" in neck.page.findings.row(COBB).state.text()
        [said] = [sentence for sentence in told if "no longer holds" in sentence]
        assert "C2–C7 Cobb lordosis (you said -5.0°)" in said
        neck.command("undo")
        neck.window.workbench.readings.catch_up()
        neck.rest()
        assert neck.decision(COBB) is Decision.CHANGED
        assert not neck.window.banner.isVisible()


class TestImpression:
    def test_what_is_typed_stays_and_the_sentences_can_be_had_again(self, neck):
        neck.command("accept_rest")
        sentences = neck.page.impression.text.toPlainText()
        neck.page.impression.text.setFocus()
        neck.type(" My own words.")
        neck.page.finish_typing()
        neck.rest()
        assert "My own words." in neck.reading.impression.text
        assert neck.page.impression.fill.isVisible()
        neck.click(neck.page.impression.fill)
        assert neck.page.impression.text.toPlainText() == f"{sentences}\nMy own words."
        assert not neck.page.impression.fill.isVisible()

    def test_what_is_typed_goes_to_the_image_it_was_typed_beside(self, qtbot, neck, analysed):
        neck.page.impression.text.setFocus()
        neck.type("Of the first film.")
        first = neck.reading.image
        analysed("disc_1.png")
        neck.rest()
        assert neck.reading.image != first
        assert neck.reading.impression.text == ""
        assert neck.page.impression.text.toPlainText() == ""
        neck.window.workbench.step(-1)
        assert neck.reading.impression.text == "Of the first film."

    def test_another_picture_on_the_same_page_gets_nothing_of_what_was_typed(self, qtbot, neck):
        box, shown = ImpressionBox(), neck.snapshot
        qtbot.addWidget(box)
        kept = []
        box.edited.connect(lambda image, text: kept.append((image, text)))
        box.show_reading(shown, False)
        box.text.setPlainText("Of slice 3.")
        other = ReadImage("f" * 64, 10, 10)
        box.show_reading(replace(shown, reading=shown.reading.with_changes(image=other)), False)
        assert kept == [(shown.reading.image, "Of slice 3.")]
        assert box.text.toPlainText() == ""
        assert not box.is_unsaved

    def test_what_was_typed_last_is_kept_when_the_window_closes(
        self, qtbot, neck, open_window, tmp_path
    ):
        neck.page.impression.text.setFocus()
        neck.type("Typed last.")
        neck.window.close()
        qtbot.waitUntil(lambda: not neck.window.isVisible())
        again = open_window()
        with qtbot.waitSignal(again.workbench.session.finding_ready):
            again.workbench.opener.open_paths([tmp_path / "film_1.png"])
        assert again.results.reading.impression.text.toPlainText() == "Typed last."

    def test_a_key_and_tab_become_a_phrase(self, neck):
        neck.window.results.set_phrases([Phrase("nl", "No listhesis.")])
        neck.page.impression.text.setFocus()
        neck.type("nl")
        neck.key(Qt.Key.Key_Tab)
        assert neck.page.impression.text.toPlainText() == "No listhesis."

    def test_phrases_are_edited_and_remembered(self, neck):
        neck.command("phrases")
        dialog = neck.dialog(PhrasesDialog)
        dialog.new.click()
        dialog.table.item(0, 0).setText("two words")
        assert not dialog.save.isEnabled()
        assert "no text" in dialog.problem.text()
        dialog.table.item(0, 1).setText("No listhesis.")
        assert "is no key" in dialog.problem.text()
        dialog.table.item(0, 0).setText("nl")
        dialog.save.click()
        preferences = neck.window.workbench.preferences
        assert preferences.settings.phrases == (Phrase("nl", "No listhesis."),)
        stored = json.loads((preferences.folder / "settings.json").read_text())
        assert stored["phrases"] == [{"key": "nl", "text": "No listhesis."}]


class TestSigning:
    def test_an_undecided_reading_cannot_be_signed_and_says_why(self, neck):
        neck.command("sign")
        dialog = neck.dialog(SignDialog)
        assert not dialog.sign.isEnabled()
        assert "not decided yet" in dialog.reason.text()
        dialog.reject()

    def test_a_signed_picture_is_looked_at_mirrored_and_is_not_straightened(
        self, qtbot, neck, fake
    ):
        sign(neck)
        bench, picture = neck.window.workbench, neck.window.viewer.picture
        neck.command("mirror")
        neck.command("invert")
        assert picture.presentation.is_mirrored
        neck.window.turning.straighten(((100.0, 100.0), (200.0, 110.0)))
        assert picture.presentation.upright_deg == 0
        assert not neck.window.actions_by_name["tool_straighten"].isEnabled()
        assert not neck.window.actions_by_name["analyse_as_shown"].isEnabled()
        bench.editing.save()
        path = bench.current.path
        qtbot.waitUntil(lambda: path in fake.kept and fake.kept[path].presentation.is_inverted)
        assert bench.readings.is_signed

    def test_the_page_is_seen_before_it_is_signed(self, qtbot, neck, fake):
        neck.command("accept_rest")
        neck.command("sign")
        dialog = neck.dialog(SignDialog)
        qtbot.waitUntil(lambda: isinstance(dialog.preview.widget(), PageView))
        assert len(dialog.preview.widget().pages) == 2
        [details] = fake.reports
        assert details.reading == neck.window.workbench.readings.shown.reading
        assert details.reading.decisions
        assert details.is_draft
        dialog.reject()

    def test_nothing_is_signed_before_the_page_is_there(self, neck):
        neck.window.workbench.preferences.choose(reader_name="A. Reader")
        neck.command("accept_rest")
        neck.window.actions_by_name["sign"].trigger()
        dialog = neck.dialog(SignDialog)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert dialog.isVisible()
        assert not dialog.sign.isEnabled()
        neck.sign_dialog()
        assert dialog.sign.isEnabled()
        dialog.reject()

    def test_a_page_that_cannot_be_made_is_told_and_stops_no_signature(
        self, qtbot, neck, monkeypatch
    ):
        neck.window.workbench.preferences.choose(reader_name="A. Reader")
        neck.command("accept_rest")

        def fails(*_):
            raise ExportError(Path("report.pdf"), ExportProblem.DISK_FULL)
            yield

        monkeypatch.setattr("spinealign.ui.cases.saving.make_report", fails)
        neck.window.actions_by_name["sign"].trigger()
        dialog = neck.dialog(SignDialog)
        qtbot.waitUntil(dialog.sign.isEnabled)
        assert "could not be made" in dialog.preview.widget().text()
        dialog.reject()

    def test_reports_speak_with_the_reading(self, qtbot, neck, fake, tmp_path, monkeypatch):
        monkeypatch.setattr(
            "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
            lambda *_: (str(tmp_path / "report.pdf"), ""),
        )
        sign(neck)
        with qtbot.waitSignal(neck.window.workbench.saver.saved):
            neck.command("save_report")
        details = fake.reports[-1]
        assert not details.is_draft
        assert details.reading.reader == "A. Reader"

    def test_rejected_levels_are_told_before_signing(self, neck):
        neck.command("accept_rest")
        neck.click_row("levels")
        neck.key(Qt.Key.Key_R)
        neck.command("sign")
        dialog = neck.sign_dialog()
        assert dialog.rejected_context.isVisible()
        assert dialog.rejected_context.text().startswith("You rejected the levels, on which")
        dialog.reject()

    def test_an_impression_that_says_what_was_rejected_is_told_before_signing(self, neck):
        neck.command("accept_rest")
        box = neck.page.impression
        box.text.setPlainText(f"{box.text.toPlainText()}\nMine.")
        box.keep()
        neck.rest()
        assert not box.disagreement.isVisible()
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_R)
        neck.rest()
        assert box.disagreement.isVisible()
        neck.command("sign")
        dialog = neck.sign_dialog()
        assert not dialog.rejected_context.isVisible()
        assert dialog.disagreement.isVisible()
        assert dialog.disagreement.text() == box.disagreement.text()
        assert "still says “" in box.disagreement.text()
        assert "C2–C7 Cobb lordosis" in box.disagreement.text()
        dialog.reject()

    @pytest.mark.parametrize("width", [300, 420])
    def test_the_impression_shows_whole_lines(self, neck, width):
        text = neck.page.impression.text
        text.setFixedWidth(900)
        QApplication.processEvents()
        text.setPlainText("The neck is straight, and all that was measured is in its range. " * 4)
        QApplication.processEvents()
        text.setFixedWidth(width)
        QApplication.processEvents()
        block = text.document().lastBlock()
        last = text.blockBoundingGeometry(block).translated(text.contentOffset())
        assert last.bottom() <= text.viewport().height() + 1

    def test_all_accepted_is_signed_in_four_actions(self, neck):
        neck.window.workbench.preferences.choose(reader_name="A. Reader")
        neck.actions = 1  # opening
        neck.command("accept_rest")
        neck.command("sign")
        QTest.keyClick(neck.sign_dialog(), Qt.Key.Key_Return)
        neck.actions += 1
        neck.rest()
        assert neck.reading.status is ReadingStatus.SIGNED
        assert neck.actions == 4

    def test_three_changed_findings_are_signed_in_at_most_twelve_actions(self, back):
        back.window.workbench.preferences.choose(reader_name="A. Reader")
        back.actions = 1  # opening
        back.page.findings._folds["normal"]._button.click()
        for key in ("disc/L4/L5", "disc/L5/S1", "disc/L3/L4"):
            if not back.page.findings.hasFocus() or back.page.findings.current.key != key:
                back.click_row(key)
            back.key(Qt.Key.Key_3)
        back.command("accept_rest")
        back.command("sign")
        QTest.keyClick(back.sign_dialog(), Qt.Key.Key_Return)
        back.actions += 1
        back.rest()
        assert back.reading.status is ReadingStatus.SIGNED
        changed = [d.key for d in back.reading.decisions if d.decision is Decision.CHANGED]
        assert len(changed) == 3
        assert back.actions <= 12

    def test_what_the_reader_made_abnormal_stands_among_the_findings(self, back):
        before = back.page.findings._normal.text()
        back.page.findings._folds["normal"]._button.click()
        back.click_row("disc/L3/L4")
        back.key(Qt.Key.Key_5)
        back.rest()
        keys = [row.key for row in back.page.findings.rows]
        assert keys.index("disc/L3/L4") < keys.index("disc/L5/S1")
        assert back.page.findings._normal.text() != before
        back.command("undo")
        back.rest()
        keys = [row.key for row in back.page.findings.rows]
        assert keys.index("disc/L3/L4") > keys.index("disc/L5/S1")
        assert back.page.findings._normal.text() == before

    def test_what_is_copied_is_what_the_reader_says(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_R)
        neck.rest()
        neck.command("copy_finding")
        draft = QGuiApplication.clipboard().text()
        assert draft.startswith("Reading: being read")
        assert "rejected" in draft
        sign(neck)
        neck.command("copy_finding")
        text = QGuiApplication.clipboard().text()
        assert text.startswith("Reading: signed by A. Reader")
        assert "Not assessed: fractures" in text
        assert neck.reading.impression.text.splitlines()[0] in text
        QGuiApplication.clipboard().clear()

    @pytest.mark.parametrize("name", ["/tmp/shots/fe.pdf", "C:\\film.dcm", "4711", "- -"])
    def test_what_is_no_name_does_not_sign(self, neck, name):
        neck.command("accept_rest")
        neck.command("sign")
        dialog = neck.sign_dialog()
        dialog.name.setText(name)
        assert not dialog.sign.isEnabled()
        assert "letters" in dialog.reason.text()
        dialog.name.setText("Łukasz O’Brien-Иванов Jr.")
        assert dialog.sign.isEnabled()
        dialog.reject()

    def test_the_name_is_asked_for_once(self, neck):
        sign(neck, "A. Reader")
        assert neck.reading.reader == "A. Reader"
        assert neck.window.workbench.preferences.settings.reader_name == "A. Reader"

    def test_a_signed_reading_is_frozen(self, neck):
        sign(neck)
        assert neck.page.status.text() == "Signed"
        assert neck.page.signature.text().startswith("signed by A. Reader, ")
        for part in (neck.page.sign, neck.page.accept_rest):
            assert not part.isVisible()
        assert neck.page.impression.text.isReadOnly()
        row = neck.click_row(COBB)
        assert not row.buttons[Decision.REJECTED].isVisible()
        QTest.keyClick(neck.page.findings, Qt.Key.Key_R)
        neck.rest()
        assert neck.decision(COBB) is Decision.ACCEPTED
        assert not neck.window.banner.isVisible()

    def test_a_grade_that_became_uncertain_is_seen_and_not_accepted_with_the_rest(
        self, reads, fake, monkeypatch
    ):
        back = reads("disc_1.png")
        back.command("accept_rest")
        before = back.window.workbench.current_analysis
        grades = [replace(g, value=None) for g in before.discs[-1].grades]
        unsure = replace(
            before, discs=(*before.discs[:-1], replace(before.discs[-1], grades=tuple(grades)))
        )
        back.window.workbench.readings.follow(unsure)
        back.window.workbench.readings.catch_up()
        back.rest()
        assert not back.page.accept_rest.isEnabled()
        assert "became uncertain" in back.page.accept_rest.toolTip()
        key = f"disc/{before.discs[-1].level}"
        back.qtbot.waitUntil(lambda: back.page.findings.row(key).isVisibleTo(back.page))
        row = back.page.findings.row(key)
        assert "decided on an earlier result" in row.state.text()
        back.click_row(key)
        back.key(Qt.Key.Key_A)
        back.rest()
        assert not back.snapshot.pending

    def test_a_body_is_deleted_while_one_of_its_points_is_looked_at(self, neck):
        hands = Hands(neck.window)
        last = neck.window.workbench.editing.analysis.vertebrae[-1].name
        hands.click(hands.place_of(last, "anterior_inferior"))
        body = hands.body(last)
        hands.move(hands.place_of(last, "anterior_inferior"), held=False)
        neck.window.correction.changes.delete(body)
        neck.rest()
        assert last not in [b.name for b in neck.window.workbench.editing.analysis.vertebrae]
        assert not neck.window.banner.isVisible() or "unexpected" not in neck.window.banner.text

    def test_points_of_a_signed_reading_stay_where_they_are(self, neck):
        sign(neck)
        hands = Hands(neck.window)
        before = hands.place_of("C4", "anterior_superior")
        hands.drag(before, (before[0] + 30, before[1]))
        assert hands.place_of("C4", "anterior_superior") == before
        assert "signed and cannot be changed" in neck.window.banner.text
        assert not neck.window.workbench.editing.is_edited
        for name in ("tool_vertebra", "tool_calibrate", "swap_anterior_posterior"):
            command = neck.window.actions_by_name[name]
            assert not command.isEnabled()
            assert "signed" in command.toolTip()

    def test_the_kind_of_a_signed_reading_is_not_changed(self, neck):
        sign(neck)
        for command in IMAGE_TYPE_COMMANDS:
            action = neck.window.actions_by_name[command.name]
            assert not action.isEnabled()
            assert "signed" in action.toolTip()
        kind = neck.window.workbench.current.wanted_examination
        choice = neck.window.results.page.findChild(ImageTypeChoice)
        assert not choice.isEnabled()
        assert "signed" in choice.toolTip()
        neck.window.navigation.analyse_as(SPINE_MR)
        assert neck.window.workbench.current.wanted_examination is kind
        assert "signed and cannot be changed" in neck.window.banner.text
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        assert neck.page.findings.current.editor is None

    def test_the_other_contrast_of_a_signed_reading_is_not_changed(self, back):
        action = back.window.actions_by_name["add_companion"]
        assert action.isEnabled()
        sign(back)
        assert not action.isEnabled()
        assert "signed" in action.toolTip()

    def test_a_result_changed_after_signing_is_told_on_opening(
        self, qtbot, neck, fake, open_window, tmp_path
    ):
        sign(neck)
        analysis = neck.window.workbench.current_analysis
        neck.window.close()
        state = initial_corrections(analysis)
        moved = move_landmark(state, 3, LandmarkName.ANTERIOR_SUPERIOR, 200.0, 200.0)
        fake.kept[tmp_path / "film_1.png"] = moved
        build = fake.build  # the program that signed it kept the checksum only
        fake.build = lambda: replace(build(), corrections_that_hold=lambda _, beside: beside)
        again = open_window()
        with qtbot.waitSignal(again.workbench.session.finding_ready):
            again.workbench.opener.open_paths([tmp_path / "film_1.png"])
        reader = Reader(qtbot, again)
        assert reader.reading.status is ReadingStatus.SIGNED
        strips = reader.page.findChildren(Strip)
        assert any("changed after it was signed" in strip.accessibleName() for strip in strips)

    def test_an_addendum_needs_a_reason_and_keeps_the_signed_version(self, neck):
        sign(neck)
        neck.command("addendum")
        dialog = neck.dialog(AddendumDialog)
        dialog.text.setPlainText("Compared with 2024.")
        assert "its reason" in dialog.missing.text()
        dialog.reason.setText("Earlier film came in")
        dialog.add.click()
        neck.rest()
        assert neck.reading.status is ReadingStatus.AMENDED
        assert "Compared with 2024." in neck.page.addenda.text()
        assert "Earlier film came in" in neck.page.addenda.text()
        neck.command("versions")
        shown = neck.dialog(VersionsDialog)
        assert shown.list.count() == 2
        assert "Compared with 2024." not in shown.text.toPlainText()
        shown.list.setCurrentRow(0)
        assert "Compared with 2024." in shown.text.toPlainText()
        shown.reject()

    def test_an_addendum_that_is_typed_outlives_closing(self, qtbot, neck, open_window, tmp_path):
        sign(neck)
        neck.command("addendum")
        dialog = neck.dialog(AddendumDialog)
        dialog.text.setPlainText("Compared with 2024.")
        dialog.reason.setText("Earlier film")
        dialog.name.setText("B. Reader")
        neck.window.close()  # with the dialog open
        again = open_window()
        assert again.workbench.preferences.settings.reader_name == "A. Reader"
        with qtbot.waitSignal(again.workbench.session.finding_ready):
            again.workbench.opener.open_paths([tmp_path / "film_1.png"])
        reader = Reader(qtbot, again)
        assert reader.page.addendum.text() == "Go on with the addendum…"
        reader.command("addendum")
        shown = reader.dialog(AddendumDialog)
        assert shown.draft == AddendumDraft("Compared with 2024.", "Earlier film", "B. Reader")
        shown.add.click()
        reader.rest()
        assert reader.reading.status is ReadingStatus.AMENDED
        assert [addendum.reader for addendum in reader.reading.addenda] == ["B. Reader"]
        assert reader.page.addendum.text() == "Add addendum…"

    def test_an_addendum_is_on_the_disk_without_closing_anything(self, qtbot, neck, fake):
        sign(neck)
        neck.command("addendum")
        dialog = neck.dialog(AddendumDialog)
        dialog.text.setPlainText("Compared")
        dialog._delay.timeout.emit()  # a pause in typing
        neck.rest()
        image = neck.reading.image
        assert fake.reading_store().addendum_draft(image).text == "Compared"
        dialog.discard.click()
        neck.rest()
        assert fake.reading_store().addendum_draft(image).is_empty
        assert neck.reading.status is ReadingStatus.SIGNED

    def test_what_cannot_be_signed_yet_does_not_look_as_if_it_could(self, neck):
        sign(neck)
        neck.command("addendum")
        dialog = neck.dialog(AddendumDialog)
        assert "&" not in "".join(
            label.text() for label in dialog.findChildren(QLabel) if not label.buddy()
        )
        before = dialog.add.grab().toImage().pixelColor(6, 6)
        dialog.text.setPlainText("More.")
        dialog.reason.setText("why")
        assert dialog.add.isEnabled()
        assert dialog.add.grab().toImage().pixelColor(6, 6) != before
        dialog.reject()
        neck.rest()

    def test_another_window_at_the_same_reading_is_told(self, neck, fake):
        other = ReadingSession(neck.window.workbench.current_analysis, fake.reading_store())
        other.decide(COBB, Decision.REJECTED)
        neck.click_row("levels")
        neck.key(Qt.Key.Key_A)
        assert neck.decision(COBB) is Decision.REJECTED
        assert "Another window of SpineAlign" in neck.window.banner.text

    def test_what_another_window_decided_is_not_written_over(self, neck, fake):
        other = ReadingSession(neck.window.workbench.current_analysis, fake.reading_store())
        other.decide(COBB, Decision.REJECTED)
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_A)
        assert neck.decision(COBB) is Decision.REJECTED
        assert "changed this reading meanwhile" in neck.window.banner.text

    def test_the_case_list_tells_how_far_a_case_is(self, neck):
        row = neck.window.cases.model.row_of(neck.window.workbench.current)
        assert (row.state, row.case.standing) == ("to check", Standing.TO_CHECK)
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_A)
        assert (row.state, row.case.standing) == ("being read", Standing.TO_CHECK)
        assert "to check, being read" in row.spoken
        sign(neck)
        assert (row.state, row.case.standing) == ("signed", Standing.SIGNED)

    def test_the_case_list_tells_the_value_that_holds(self, neck):
        row = neck.window.cases.model.row_of(neck.window.workbench.current)
        assert row.key_value == "C2–C7 Cobb 20.9°"
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_R)
        assert not row.key_value.startswith("C2–C7 Cobb")
        assert row.key_value


class TestKept:
    def test_a_reading_goes_on_where_it_was_left(self, qtbot, neck, open_window, tmp_path):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_R)
        neck.window.close()
        again = open_window()
        with qtbot.waitSignal(again.workbench.session.finding_ready):
            again.workbench.opener.open_paths([tmp_path / "film_1.png"])
        reader = Reader(qtbot, again)
        assert reader.decision(COBB) is Decision.REJECTED
        assert reader.page.status.text() == "Being read"

    def test_a_result_that_is_let_go_takes_its_reading_along(self, qtbot, neck, analysed):
        neck.window.workbench.session.limit_memory(1)
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_R)
        analysed("disc_1.png")
        neck.rest()
        readings = neck.window.workbench.readings
        assert len(readings._entries) == 1
        with qtbot.waitSignal(neck.window.workbench.session.finding_ready):
            neck.window.workbench.step(-1)
        assert neck.decision(COBB) is Decision.REJECTED

    def test_a_signed_reading_changed_on_disk_is_told_on_opening(
        self, qtbot, neck, open_window, tmp_path
    ):
        again = opened_spoilt(qtbot, neck, open_window, tmp_path)
        strips = again.results.reading.faults
        assert strips.count() == 1
        assert "was changed after it was signed" in strips.itemAt(0).widget().accessibleName()
        bench = again.workbench
        details = bench.saver.report_details(bench.current_analysis, ReportPatient.UNKNOWN)
        assert details.is_draft
        assert details.left_out == LeftOutReading(ReadingUse.FAULTY, ReadingStatus.SIGNED)
        assert SET_ASIDE_ADVICE in strips.itemAt(0).widget().accessibleName()
        page, actions = again.results.reading, again.actions_by_name
        assert page.status.text() == "Signed, not valid"
        for part in (page.sign, page.accept_rest, page.addendum, page.left):
            assert not part.isVisible()
        assert page.impression.text.isReadOnly()
        assert not any(actions[name].isEnabled() for name in ("accept_rest", "sign", "addendum"))
        assert "not as it was written" in bench.editing.locked().sentence

    def test_a_signed_reading_changed_on_disk_can_be_set_aside(
        self, qtbot, neck, open_window, tmp_path, monkeypatch
    ):
        again = opened_spoilt(qtbot, neck, open_window, tmp_path)
        answers = iter((QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes))
        monkeypatch.setattr(QMessageBox, "warning", lambda *_: next(answers))
        page, readings = again.results.reading, again.workbench.readings
        page.set_aside.click()
        assert readings.shown.is_unvouched
        page.set_aside.click()
        qtbot.waitUntil(lambda: not readings.is_saving)
        assert not page.set_aside.isVisible()
        assert page.status.text() == "Automatic"
        assert page.sign.isVisible()
        [strip] = [page.faults.itemAt(at).widget() for at in range(page.faults.count())]
        assert "was set aside" in strip.accessibleName()
        assert again.workbench.editing.locked() is None

    def test_a_step_that_cannot_be_written_is_not_shown_as_made(self, neck, monkeypatch):
        monkeypatch.setattr("spinealign.reading.store.write_durably", _full_disk)
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_A)
        assert neck.page.findings.row(COBB).decision is Decision.UNDECIDED
        assert neck.window.banner.isVisible()
        assert neck.window.actions_by_name["undo"].isEnabled() is False

    def test_a_step_that_fails_leaves_earlier_ones_to_be_undone(self, neck, monkeypatch):
        neck.click_row("examination")
        neck.key(Qt.Key.Key_A)
        with monkeypatch.context() as patched:
            patched.setattr("spinealign.reading.store.write_durably", _full_disk)
            neck.click_row(COBB)
            neck.key(Qt.Key.Key_A)
        neck.command("undo")
        assert neck.reading.decisions == ()


class TestKinds:
    @pytest.mark.parametrize(("typed", "value"), [("25,5", 25.5), ("25.5", 25.5), ("-3", -3.0)])
    def test_a_number_is_typed_with_a_comma_or_a_point(self, neck, typed, value):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type(typed)
        neck.key(Qt.Key.Key_Return)
        assert neck.reading.decision_on(COBB).human.value == value

    def test_a_number_that_is_impossible_is_refused_and_not_cut_short(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type("999")
        neck.key(Qt.Key.Key_Return)
        assert neck.decision(COBB) is None
        assert "The value is impossible" in neck.window.banner.text
        neck.key(Qt.Key.Key_A)
        assert not neck.window.banner.isVisible()

    def test_a_picture_whose_reading_another_window_signed_is_not_changed(self, neck, fake):
        editing = neck.window.workbench.editing
        other = ReadingSession(editing.analysis, fake.reading_store(), "B. Other")
        other.accept_rest()
        other.sign()
        before = editing.corrections
        editing.change("delete C5", lambda state: delete_vertebra(state, 4))
        neck.rest()
        assert editing.corrections == before
        assert "The reading is signed and cannot be changed" in neck.window.banner.text
        assert neck.snapshot.is_signed
        assert neck.reading.reader == "B. Other"

    @pytest.mark.parametrize("decision", [Decision.REJECTED, Decision.CHANGED])
    def test_what_was_overruled_is_not_drawn_on_the_picture(self, neck, decision):
        drawn = neck.window.viewer.picture.measures
        cobb = ("cobb_c2_c7", ("C2", "C7"))
        assert cobb in drawn.keys
        neck.click_row(COBB)
        if decision is Decision.REJECTED:
            neck.key(Qt.Key.Key_R)
        else:
            neck.key(Qt.Key.Key_C)
            neck.type("25")
            neck.key(Qt.Key.Key_Return)
        assert neck.decision(COBB) is decision
        for selected in (cobb, None):
            neck.window.correction.measures.select(selected)
            assert cobb not in drawn.keys
        neck.command("undo")
        assert cobb in drawn.keys

    def test_why_a_value_was_refused_is_no_news_of_the_next_case(self, neck):
        neck.click_row(COBB)
        neck.key(Qt.Key.Key_C)
        neck.type("999")
        neck.key(Qt.Key.Key_Return)
        assert neck.window.banner.isVisible()
        neck.window.workbench.readings.begin(None)
        assert not neck.window.banner.isVisible()

    def test_a_row_shows_a_grade_that_was_changed_from_normal(self, reads, monkeypatch):
        told = ({GradeName.PFIRRMANN: 3, GradeName.BULGING: 2.0},)
        monkeypatch.setattr(fakes, "_discs", lambda: graded_analysis(told))
        back = reads("disc_1.png")
        row = back.click_row("disc/L5/S1")
        assert row.value.text() == "disc bulging, Pfirrmann grade 3"
        back.key(Qt.Key.Key_4)
        row = back.page.findings.row("disc/L5/S1")
        assert row.value.text() == "disc bulging, Pfirrmann grade 4"
        assert row.state.text() == "Pfirrmann grade changed, the program said 3"
        assert row.decision is Decision.CHANGED

    def test_a_row_tells_the_grade_that_is_not_determined_and_decides_nothing_on_it(
        self, reads, monkeypatch
    ):
        told = ({GradeName.PFIRRMANN: 3, GradeName.BULGING: 2.0, GradeName.HERNIATION: 0.0},)
        monkeypatch.setattr(fakes, "_discs", lambda: graded_analysis(told))
        back = reads("disc_1.png")
        row = back.click_row("disc/L5/S1")
        gap = "disc bulging, Pfirrmann grade 3; disc herniation not determined"
        assert row.value.text() == gap
        back.key(Qt.Key.Key_R)
        herniation = "disc_grade/herniation/L5/S1"
        assert back.decision("disc_grade/bulging/L5/S1") is Decision.REJECTED
        assert back.decision(herniation) is None

    def test_levels_are_changed_on_the_picture(self, back):
        back.click_row("levels")
        back.key(Qt.Key.Key_C)
        back.key(Qt.Key.Key_Up)
        back.window.workbench.readings.catch_up()
        back.rest()
        assert back.snapshot.read["levels"].finding.value.name.endswith("L5")
        assert back.decision("levels") is Decision.CHANGED
        assert "the program said" in back.page.findings.row("levels").state.text()
        assert "Levels: " in back.page.overruled.text()
        back.command("undo")
        back.window.workbench.readings.catch_up()
        back.rest()
        assert back.decision("levels") is None
        assert not back.page.overruled.isVisibleTo(back.window.results)

    def test_a_bent_film_is_not_judged_by_neutral_posture(self, neck):
        command = neck.window.actions_by_name["bent_film"]
        assert command.isEnabled()
        assert not command.isChecked()
        command.trigger()
        neck.window.workbench.readings.catch_up()
        neck.rest()
        assert command.isChecked()
        assert all(read.finding.normal is None for read in neck.snapshot.read.values())
        assert "flexion or extension film" in [chip.text() for chip in neck.page.chips.buttons]
        command.trigger()
        neck.window.workbench.readings.catch_up()
        neck.rest()
        assert not command.isChecked()
        assert any(read.finding.normal for read in neck.snapshot.read.values())

    def test_only_a_film_can_be_bent(self, back):
        assert not back.window.actions_by_name["bent_film"].isEnabled()

    def test_the_kind_is_changed_by_analysing_again(self, qtbot, back):
        back.click_row("examination")
        back.key(Qt.Key.Key_C)
        editor = back.page.findings.current.editor
        editor.list.setCurrentIndex(0)
        with qtbot.waitSignal(back.window.workbench.session.finding_ready):
            editor.apply()
        shown = back.window.workbench.current.finding.analysis
        assert shown.examination.key == "lateral-neck"

    def test_an_image_of_another_kind_says_first_what_that_means(self, qtbot, neck):
        case = neck.window.workbench.current
        assert not neck.page.forced.isVisible()
        check = KindCheck(ImageKind.OTHER_RADIOGRAPH, False, overruled=True)
        forced = replace(case.finding.analysis, kind_check=check)
        neck.page.show_analysis(forced)
        assert neck.page.forced.isVisible()
        assert neck.page.forced.text().endswith("the result may be meaningless.")

    def test_an_image_that_is_not_read_has_no_reading_page(self, reads):
        reader = reads("ct_1.dcm")
        assert reader.page is None
        assert not reader.window.actions_by_name["sign"].isEnabled()
        assert "no reading" in reader.window.actions_by_name["sign"].toolTip()

    def test_cautions_are_labels_that_tell_more(self, reads):
        chips = reads("disc_1.png").page.chips
        first = chips.buttons[0]
        first.click()
        assert chips.sentence.isVisible()
        assert chips.sentence.text() == first.toolTip()
        first.click()
        assert not chips.sentence.isVisible()

    def test_a_level_that_was_not_found_is_a_label(self, neck):
        chips = neck.page.chips
        [missing] = [button for button in chips.buttons if "not found" in button.text()]
        assert missing.text() == "T1 not found"
        missing.click()
        assert chips.sentence.text().startswith("T1 was not found;")

    def test_a_body_that_the_reader_removed_is_a_label(self, neck):
        hands = Hands(neck.window)
        neck.window.correction.changes.delete(hands.body("C5"))
        [removed] = [b for b in neck.page.chips.buttons if "removed" in b.text()]
        assert removed.text() == "C5 removed"
        assert removed.toolTip() == "C5 was removed by the reader."

    def test_a_lumbar_slice_does_not_miss_the_thorax(self, back):
        assert not any("not found" in button.text() for button in back.page.chips.buttons)

    def test_suggested_bodies_are_accepted_from_their_label(self, reads):
        reader = reads("offer_1.png")
        chips = reader.page.chips
        [offer] = [button for button in chips.buttons if "suggested" in button.text()]
        offer.click()
        chips.accept.click()
        assert not reader.window.workbench.editing.analysis.suggestions
        assert not any("suggested" in button.text() for button in reader.page.chips.buttons)


def test_the_panel_is_never_narrower_than_its_page(back):
    window = back.window
    page = window.results.page
    QApplication.processEvents()
    window.resizeDocks([window.results_dock], [10], Qt.Orientation.Horizontal)
    QApplication.processEvents()
    assert window.results.width() >= page.minimumSizeHint().width()
    assert window.results.page.visibleRegion().boundingRect().left() == 0


SOME_JUDGED = "No abnormal finding among those that could be judged."


def lines_of(*normalities):
    return [SimpleNamespace(findings=[SimpleNamespace(normality=n)]) for n in normalities]


@pytest.mark.parametrize(
    ("below", "doubts", "told"),
    [
        ([Normality.NORMAL], [], "No abnormal finding."),
        ([], [], "None of the main findings could be judged."),
        (
            [Normality.UNJUDGED],
            [Normality.UNDETERMINED],
            "None of the main findings could be judged.",
        ),
        ([Normality.NORMAL, Normality.UNJUDGED], [], SOME_JUDGED),
        ([Normality.NORMAL], [Normality.UNDETERMINED], SOME_JUDGED),
    ],
)
def test_what_was_not_judged_is_no_normal_finding(below, doubts, told):
    assert _nothing_abnormal({NORMAL: lines_of(*below), DOUBTS: lines_of(*doubts)}) == told
