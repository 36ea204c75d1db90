"""A turn holds for a whole series, can be undone, and loses nothing that a person did meanwhile."""

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMessageBox, QPushButton

from spinealign.domain.findings import Facing
from spinealign.domain.image import ImageKind, KindCheck
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.reading import ReadingStatus
from spinealign.imaging.readers import read_part
from spinealign.ui.cases.jobs import Turned, carried
from spinealign.ui.cases.thumbnails import presented
from spinealign.ui.series.all_slices_window import SlicesWindow
from spinealign.wording.presentation import TURN_AND_ANALYSE, TURN_STEPPED_MESSAGE
from tests import phantoms
from tests.fakes import answer_for
from tests.ui.hands import LEFT, open_and_rest, settle, shown_value

CTRL = Qt.KeyboardModifier.ControlModifier


def press_key(window, key, keys=Qt.KeyboardModifier.NoModifier):
    window.viewer.setFocus()
    QTest.keyClick(window.viewer, key, keys)


def analyse_here(qtbot, window):
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        press_key(window, Qt.Key.Key_F5)
    settle(qtbot, window)


def presentation(window):
    return window.workbench.current_analysis.image.presentation


def the_question(window):
    [box] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    return box


def answer(window, words):
    [button] = [b for b in the_question(window).findChildren(QPushButton) if b.text() == words]
    QTest.mouseClick(button, LEFT)
    window.activateWindow()


class TestTheSeries:
    def test_is_turned_as_a_whole_and_analysed_so(self, qtbot, leafed, fake):
        press_key(leafed, Qt.Key.Key_Comma)
        press_key(leafed, Qt.Key.Key_X)
        leafed.actions_by_name["invert"].trigger()
        turned = presentation(leafed)
        assert turned == Presentation(turn_deg=90.0, is_mirrored=True, is_inverted=True)
        leafed.navigation.step(1)
        settle(qtbot, leafed)
        assert leafed.viewer.picture.presentation == turned
        analyse_here(qtbot, leafed)
        assert leafed.workbench.current.title.endswith("slice 4 of 5")
        assert presentation(leafed) == turned
        assert leafed.viewer.picture.presentation == turned

    def test_is_written_for_the_slice_that_was_analysed_so(self, qtbot, leafed, fake):
        press_key(leafed, Qt.Key.Key_Comma)
        leafed.navigation.step(1)
        analyse_here(qtbot, leafed)
        path = leafed.workbench.current_analysis.image.source_path
        leafed.workbench.editing.save()
        settle(qtbot, leafed)
        assert fake.kept[path].presentation == Presentation(turn_deg=90.0)

    def test_the_networks_see_each_slice_as_the_first(self, qtbot, leafed, fake):
        press_key(leafed, Qt.Key.Key_Comma)
        with qtbot.waitSignal(leafed.workbench.session.finding_ready):
            leafed.actions_by_name["analyse_as_shown"].trigger()
        leafed.navigation.step(1)
        analyse_here(qtbot, leafed)
        found = leafed.workbench.current_analysis
        assert (found.automatic or found).image.presentation.analysed_deg == 90.0
        assert presentation(leafed).is_analysed_as_shown

    def test_a_turn_taken_back_is_taken_back_for_all(self, qtbot, leafed):
        press_key(leafed, Qt.Key.Key_Comma)
        leafed.navigation.step(1)
        analyse_here(qtbot, leafed)
        press_key(leafed, Qt.Key.Key_Period)
        assert presentation(leafed) == AS_IN_FILE
        leafed.navigation.step(-1)
        analyse_here(qtbot, leafed)
        assert presentation(leafed) == AS_IN_FILE
        assert leafed.viewer.picture.presentation == AS_IN_FILE

    def test_corrections_of_a_slice_stay_where_the_series_was_turned_elsewhere(self, qtbot, leafed):
        leafed.correction.changes.add_text((8.0, 9.0), "here")
        drawn = leafed.workbench.editing.corrections.drawings
        assert drawn
        leafed.navigation.step(1)
        press_key(leafed, Qt.Key.Key_F5)
        with qtbot.waitSignal(leafed.workbench.session.finding_ready):
            answer(leafed, "Analyse slice 4")
        settle(qtbot, leafed)
        press_key(leafed, Qt.Key.Key_Comma)
        leafed.navigation.step(-1)
        analyse_here(qtbot, leafed)
        assert leafed.workbench.editing.corrections.drawings == drawn
        assert presentation(leafed) == Presentation(turn_deg=90.0)

    @pytest.mark.parametrize("was_seen", [True, False])
    def test_a_slice_turned_before_the_first_result_turns_that(
        self, qtbot, real_files, open_window, study, fake, was_seen
    ):
        window = open_window()
        fake.analyser.hold = "Classifying"
        if not was_seen:
            # Gone before the slice of the result is there: nothing could be drawn on that.
            window.workbench.selected.connect(lambda _: window.navigation.step(1))
        window.workbench.opener.open_paths([study / "t2"])
        qtbot.waitUntil(fake.analyser.reached.is_set)
        if was_seen:
            qtbot.waitUntil(lambda: window.workbench.editing.is_bare)
            window.navigation.step(1)
        qtbot.waitUntil(lambda: window.viewer.picture.display is not None)
        qtbot.waitUntil(lambda: window.workbench.editing.is_bare and shown_value(window) == 3)
        press_key(window, Qt.Key.Key_Comma)
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            fake.analyser.gate.set()
        settle(qtbot, window)
        assert presentation(window).turn_deg == 90.0
        window.navigation.follow()
        assert window.viewer.picture.presentation.turn_deg == 90.0


class TestBodiesOfATurnedSeries:
    @pytest.fixture
    def bodies(self, qtbot, monkeypatch, browsing, study):
        """A series of slices that all have bodies, the middle one analysed."""
        found = answer_for(Path("film_1.png"), None).vertebrae

        def as_read(part):
            image = read_part(part)
            return replace(phantoms.mr_analysis(image.shape), image=image, vertebrae=found)

        monkeypatch.setattr("tests.fakes.as_read", as_read)
        open_and_rest(qtbot, browsing, study)
        browsing.activateWindow()
        return browsing

    @pytest.mark.parametrize("is_analysed_so", [False, True])
    def test_are_those_that_were_found(self, qtbot, bodies, is_analysed_so):
        editing = bodies.workbench.editing
        press_key(bodies, Qt.Key.Key_Comma)
        press_key(bodies, Qt.Key.Key_X)
        if is_analysed_so:
            with qtbot.waitSignal(bodies.workbench.session.finding_ready):
                bodies.actions_by_name["analyse_as_shown"].trigger()
        shown = presentation(bodies)
        bodies.navigation.step(1)
        settle(qtbot, bodies)
        qtbot.waitUntil(lambda: editing.is_bare)
        # The sheet of what is drawn without a result must not be taken for its bodies.
        analyse_here(qtbot, bodies)
        assert editing.corrections.vertebrae == editing.edits.first.vertebrae
        assert len(editing.corrections.vertebrae) > 3
        assert not editing.is_edited
        assert "corrected" not in bodies.windowTitle()
        assert presentation(bodies) == shown
        found = bodies.workbench.current_analysis
        assert (found.automatic or found).image.presentation.analysed_deg == shown.analysed_deg


class TestSmallPictures:
    @pytest.fixture
    def corner(self, qapp):
        """A small picture that is bright in its upper left corner alone."""
        picture = QImage(40, 20, QImage.Format.Format_Grayscale8)
        picture.fill(10)
        for x in range(8):
            for y in range(6):
                picture.setPixelColor(x, y, QColor(240, 240, 240))
        return picture

    @pytest.mark.parametrize(
        ("shown", "size", "bright"),
        [
            (Presentation(turn_deg=90.0), (20, 40), (2, 37)),
            (Presentation(turn_deg=-90.0), (20, 40), (17, 2)),
            (Presentation(is_mirrored=True), (40, 20), (37, 2)),
            (Presentation(turn_deg=90.0, is_mirrored=True), (20, 40), (17, 37)),
        ],
    )
    def test_are_turned_and_mirrored(self, corner, shown, size, bright):
        small = presented(corner, shown)
        assert (small.width(), small.height()) == size
        lights = {
            (x, y)
            for x in (2, size[0] - 3)
            for y in (2, size[1] - 3)
            if small.pixelColor(x, y).lightness() > 128
        }
        assert lights == {bright}

    def test_are_inverted(self, corner):
        small = presented(corner, Presentation(is_inverted=True))
        assert small.pixelColor(2, 2).lightness() < 50
        assert small.pixelColor(30, 15).lightness() > 200
        assert corner.pixelColor(2, 2).lightness() > 200

    def test_the_row_of_a_case_follows_at_once(self, qtbot, leafed):
        view = leafed.cases.view
        qtbot.waitUntil(lambda: leafed.cases.model.rows[0].thumbnail is not None)
        leafed.cases.bring_to_front()
        qtbot.wait(0)
        before = view.viewport().grab().toImage()
        press_key(leafed, Qt.Key.Key_Comma)
        assert view.viewport().grab().toImage() != before
        press_key(leafed, Qt.Key.Key_Period)
        qtbot.waitUntil(lambda: view.viewport().grab().toImage() == before)

    def test_all_slices_are_shown_so(self, qtbot, leafed, fake):
        press_key(leafed, Qt.Key.Key_Comma)
        leafed.actions_by_name["all_slices"].trigger()
        [slices] = [w for w in QApplication.topLevelWidgets() if isinstance(w, SlicesWindow)]
        qtbot.waitUntil(lambda: slices.found is not None)
        assert slices.viewer.picture.presentation == Presentation(turn_deg=90.0)
        slices.slider.setValue(0)
        assert slices.viewer.picture.presentation == Presentation(turn_deg=90.0)
        leafed.actions_by_name["turn_right"].trigger()
        assert slices.viewer.picture.presentation == AS_IN_FILE
        leafed.actions_by_name["mirror"].trigger()
        leafed.actions_by_name["invert"].trigger()
        now = slices.viewer.picture.presentation
        assert (now.is_mirrored, now.is_inverted) == (True, True)
        assert slices.viewer.picture.is_inverted
        leafed.actions_by_name["undo"].trigger()
        assert not slices.viewer.picture.is_inverted
        slices.slider.setValue(1)
        assert slices.viewer.picture.presentation.is_mirrored
        slices.close()
        settle(qtbot, leafed)


class TestAnotherSlice:
    def test_takes_the_place_of_an_untouched_result_without_a_question(self, qtbot, leafed):
        leafed.navigation.step(1)
        analyse_here(qtbot, leafed)
        assert leafed.workbench.current.title.endswith("slice 4 of 5")

    def test_asks_before_it_takes_the_place_of_corrections(self, qtbot, leafed):
        leafed.correction.changes.add_text((8.0, 9.0), "here")
        before = leafed.workbench.current.finding
        leafed.navigation.step(1)
        press_key(leafed, Qt.Key.Key_F5)
        box = the_question(leafed)
        assert "The results of slice 3 are manually measured." in box.text()
        assert "is there again when you analyse slice 3 again" in box.informativeText()
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert leafed.workbench.current.finding is before
        assert not leafed.workbench.session.is_busy

    @pytest.mark.parametrize("status", [ReadingStatus.BEING_READ, ReadingStatus.SIGNED])
    def test_asks_before_it_takes_the_place_of_a_reading(self, qtbot, leafed, status):
        leafed.workbench.current.reading_status = status
        leafed.navigation.step(1)
        QTest.mouseClick(leafed.slice_bar.analyse, LEFT)
        assert {"being read": "being read", "signed": "signed"}[status.value.replace("_", " ")] in (
            the_question(leafed).text()
        )
        answer(leafed, "Keep slice 3")
        assert leafed.workbench.current.title.endswith("slice 3 of 5")

    def test_the_kind_is_as_it_was_where_the_answer_is_no(self, leafed):
        leafed.correction.changes.add_text((8.0, 9.0), "here")
        kind = leafed.workbench.current.wanted_examination
        leafed.navigation.step(1)
        leafed.navigation.analyse_as(phantoms.ct_analysis().examination)
        answer(leafed, "Keep slice 3")
        assert leafed.workbench.current.wanted_examination is kind

    def test_a_correction_made_just_before_goes_to_its_own_reading(self, qtbot, leafed):
        """The reading of the new slice must never be told of the old one's result."""
        bench = leafed.workbench
        leafed.correction.changes.add_text((8.0, 9.0), "here")
        bench.readings.follow(bench.current_analysis)
        leafed.navigation.step(1)
        press_key(leafed, Qt.Key.Key_F5)
        with qtbot.waitSignal(bench.session.finding_ready):
            answer(leafed, "Analyse slice 4")
        bench.readings.catch_up()
        settle(qtbot, leafed)
        qtbot.waitUntil(lambda: not bench.records.is_busy)
        entry = bench.readings._entry
        assert entry.session.analysis is bench.current.finding.analysis

    def test_a_reading_that_ends_late_says_nothing_of_the_new_slice(self, qtbot, leafed):
        bench = leafed.workbench
        bench.readings.accept_rest()
        qtbot.waitUntil(lambda: not bench.records.is_busy)
        assert bench.current.reading_status is ReadingStatus.BEING_READ
        leafed.correction.changes.add_text((8.0, 9.0), "here")
        bench.readings.follow(bench.current_analysis)
        leafed.navigation.step(1)
        press_key(leafed, Qt.Key.Key_F5)
        with qtbot.waitSignal(bench.session.finding_ready):
            answer(leafed, "Analyse slice 4")
        settle(qtbot, leafed)
        qtbot.waitUntil(lambda: not bench.records.is_busy)
        assert bench.current.reading_status is ReadingStatus.AUTOMATIC


class TestUndoOfATurn:
    @pytest.fixture
    def turned(self, qtbot, hands):
        """A film that was turned and analysed so."""
        hands.viewer.setFocus()
        hands.before = hands.window.workbench.editing.corrections
        hands.window.actions_by_name["turn_left"].trigger()
        self.analyse(qtbot, hands.window, "analyse_as_shown")
        return hands

    @staticmethod
    def analyse(qtbot, window, command):
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.actions_by_name[command].trigger()

    def test_turns_it_back_and_analyses_it_so(self, qtbot, turned, fake):
        window = turned.window
        assert "turn and analyse" in window.actions_by_name["undo"].text()
        runs = len(fake.analyser.calls)
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            press_key(window, Qt.Key.Key_Z, CTRL)
        assert len(fake.analyser.calls) == runs + 1
        assert fake.analyser.presentation_of(window.workbench.current_analysis.image) == (
            Presentation(turn_deg=90.0)
        )
        press_key(window, Qt.Key.Key_Z, CTRL)
        assert window.workbench.editing.corrections == turned.before
        assert not window.workbench.editing.is_edited

    def test_is_told_in_words(self, qtbot, turned):
        window = turned.window
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            press_key(window, Qt.Key.Key_Z, CTRL)
        assert TURN_STEPPED_MESSAGE.sentence in window.banner.text

    def test_can_be_done_again(self, qtbot, turned):
        window = turned.window
        after = window.workbench.editing.corrections
        self.analyse(qtbot, window, "undo")
        assert "turn and analyse" in window.actions_by_name["redo"].text()
        self.analyse(qtbot, window, "redo")
        assert window.workbench.editing.corrections == after

    def test_what_was_corrected_before_comes_back_with_it(self, qtbot, hands):
        window = hands.window
        window.correction.changes.swap_anterior_posterior()
        swapped = window.workbench.editing.corrections
        window.actions_by_name["turn_left"].trigger()
        self.analyse(qtbot, window, "analyse_as_shown")
        window.correction.changes.swap_anterior_posterior()
        press_key(window, Qt.Key.Key_Z, CTRL)
        assert not window.workbench.session.is_busy
        self.analyse(qtbot, window, "undo")
        press_key(window, Qt.Key.Key_Z, CTRL)
        assert window.workbench.editing.corrections == swapped

    def test_is_on_the_disk(self, qtbot, turned, fake):
        window = turned.window
        self.analyse(qtbot, window, "undo")
        path = window.workbench.current.path
        window.workbench.editing.save()
        settle(qtbot, window)
        assert fake.kept[path].presentation.analysed_deg == 0.0

    def test_of_a_refused_picture_refuses_it_again(self, qtbot, window, analysed, monkeypatch):
        refused = phantoms.failed_view_analysis()
        check = KindCheck(ImageKind.LATERAL_FILM, accepted=False, quarter_turns=3)
        taken = phantoms.mr_analysis()
        refused = replace(refused, kind_check=check, image=taken.image)

        def seen(kind, side):
            shown = window.workbench.services.analyse.presentation_of(refused.image)
            return taken if shown.analysed_deg else refused

        monkeypatch.setattr("tests.fakes._phantom", seen)
        analysed("photo.png")
        assert window.workbench.current_analysis.is_refused
        self.analyse(qtbot, window, "turn_and_analyse")
        assert not window.workbench.current_analysis.is_refused
        self.analyse(qtbot, window, "undo")
        assert window.workbench.current_analysis.is_refused
        assert presentation(window) == AS_IN_FILE
        self.analyse(qtbot, window, "redo")
        assert not window.workbench.current_analysis.is_refused
        assert presentation(window).turn_deg == -90.0
        window.workbench.editing.save()
        settle(qtbot, window)


class TestAFilmOnItsSide:
    """Refused as it lies, taken once it stands: the bodies are the program's whatever was undone.

    Of a refused picture there are no bodies, which must never be taken for a person's removal.
    """

    @pytest.fixture
    def lying(self, qtbot, window, analysed, monkeypatch):
        taken = answer_for(Path("film_1.png"), None)
        check = KindCheck(ImageKind.LATERAL_FILM, accepted=False, quarter_turns=3)
        refused = replace(phantoms.failed_view_analysis(), kind_check=check, image=taken.image)

        def seen(kind, side):
            shown = window.workbench.services.analyse.presentation_of(refused.image)
            return taken if shown.analysed_deg == -90.0 else refused

        monkeypatch.setattr("tests.fakes._phantom", seen)
        analysed("photo.png")
        window.found = taken.vertebrae
        assert len(window.found) > 3
        return window

    @staticmethod
    def hold(qtbot, window, fake, command):
        """Begin an analysis, which stands still."""
        fake.analyser.reached.clear()
        fake.analyser.gate.clear()
        fake.analyser.hold = "Measuring"
        window.actions_by_name[command].trigger()
        qtbot.waitUntil(fake.analyser.reached.is_set)

    @staticmethod
    def go_on(qtbot, window, fake, command):
        """Do something while the analysis stands still, and wait for what comes of it."""
        session = window.workbench.session
        with qtbot.waitSignal(session.finding_ready):
            window.actions_by_name[command].trigger()
            fake.analyser.hold = ""
            fake.analyser.gate.set()
        settle(qtbot, window)
        qtbot.waitUntil(lambda: not session.is_busy)

    @staticmethod
    def is_as_found(window):
        """Whether the result is the program's own, but for the turn."""
        bench = window.workbench
        result, state = bench.current_analysis, bench.editing.corrections
        assert not result.is_refused
        assert result.vertebrae == state.vertebrae == window.found
        assert not result.removed
        assert not bench.editing.is_edited
        assert not bench.editing.has_own_bodies
        assert "corrected" not in window.windowTitle()
        bench.readings.catch_up()
        assert bench.readings.shown.reading.status is ReadingStatus.AUTOMATIC
        assert not any(row.decision is not None for row in bench.readings.shown.reading.findings)
        return True

    def test_turned_too_far_and_back_has_its_bodies(self, qtbot, lying, fake):
        self.hold(qtbot, lying, fake, "turn_and_analyse")
        lying.actions_by_name["turn_right"].trigger()
        self.go_on(qtbot, lying, fake, "analyse_as_shown")
        assert lying.workbench.current_analysis.is_refused
        self.go_on(qtbot, lying, fake, "undo")
        assert presentation(lying).analysed_deg == -90.0
        assert self.is_as_found(lying)
        lying.workbench.editing.save()
        settle(qtbot, lying)
        kept = fake.kept[lying.workbench.current.path]
        assert kept.vertebrae == lying.found

    def test_a_turn_done_again_has_its_bodies(self, qtbot, lying, fake):
        self.hold(qtbot, lying, fake, "turn_and_analyse")
        self.go_on(qtbot, lying, fake, "undo")
        assert lying.workbench.current_analysis.is_refused
        with qtbot.waitSignal(lying.workbench.editing.analysis_wanted) as wanted:
            self.go_on(qtbot, lying, fake, "redo")
        # Else the reading is opened on a result from which all bodies are removed.
        assert not wanted.args[1].keeps_bodies
        assert self.is_as_found(lying)

    def test_what_was_drawn_meanwhile_is_undone_alone(self, qtbot, lying, fake):
        self.hold(qtbot, lying, fake, "turn_and_analyse")
        lying.correction.changes.add_text((8.0, 9.0), "here")
        with qtbot.waitSignal(lying.workbench.session.finding_ready):
            fake.analyser.gate.set()
        assert lying.workbench.editing.corrections.vertebrae == lying.found
        lying.actions_by_name["undo"].trigger()
        assert not lying.workbench.session.is_busy
        assert lying.workbench.editing.corrections.vertebrae == lying.found
        assert not lying.workbench.editing.is_edited
        lying.actions_by_name["redo"].trigger()
        assert lying.workbench.editing.corrections.vertebrae == lying.found
        assert lying.workbench.editing.corrections.drawings
        lying.workbench.editing.save()
        settle(qtbot, lying)

    def test_bodies_that_a_person_changed_come_back(self, qtbot, lying, fake):
        self.go_on(qtbot, lying, fake, "turn_and_analyse")
        editing = lying.workbench.editing
        lying.correction.changes.swap_anterior_posterior()
        moved = editing.corrections.vertebrae
        assert editing.has_own_bodies
        lying.actions_by_name["turn_right"].trigger()
        self.go_on(qtbot, lying, fake, "analyse_as_shown")
        self.go_on(qtbot, lying, fake, "undo")
        assert editing.corrections.vertebrae == moved
        editing.save()
        settle(qtbot, lying)

    def test_is_turned_once_whatever_is_pressed(self, qtbot, lying, fake):
        def offers():
            return [
                b
                for place in (lying.banner, lying.results.page)
                for b in place.findChildren(QPushButton)
                if b.text() == TURN_AND_ANALYSE and b.isVisible() and b.isEnabled()
            ]

        assert len(offers()) == 2
        self.hold(qtbot, lying, fake, "turn_and_analyse")
        assert "lie on its side" not in lying.banner.text
        assert not offers()
        assert not lying.actions_by_name["turn_and_analyse"].isEnabled()
        lying.turning.turn_and_analyse()
        assert presentation(lying).turn_deg == -90.0
        self.go_on(qtbot, lying, fake, "undo")
        assert "lie on its side" in lying.banner.text
        assert len(offers()) == 2


class TestMeanwhile:
    """What a person changes while an analysis runs is on the page and in the reading after it."""

    @pytest.fixture
    def running(self, qtbot, hands, fake):
        window = hands.window
        fake.analyser.hold = "Measuring"
        window.actions_by_name["turn_left"].trigger()
        window.actions_by_name["analyse_as_shown"].trigger()
        qtbot.waitUntil(fake.analyser.reached.is_set)
        return hands

    @staticmethod
    def finish(qtbot, window, fake):
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            fake.analyser.gate.set()
        settle(qtbot, window)

    def test_a_drawing_stays(self, qtbot, running, fake):
        window = running.window
        window.correction.changes.add_text((8.0, 9.0), "here")
        self.finish(qtbot, window, fake)
        [drawn] = window.workbench.editing.corrections.drawings
        assert drawn.text == "here"
        assert window.workbench.current_analysis.corrections.drawings == (drawn,)

    def test_moved_bodies_stay(self, qtbot, running, fake):
        window = running.window
        window.correction.changes.swap_anterior_posterior()
        bodies = window.workbench.editing.corrections.vertebrae
        x, y = running.place_of("C4", "anterior_superior")
        running.drag((x, y), (x + 9, y))
        moved = window.workbench.editing.corrections.vertebrae
        assert moved != bodies
        self.finish(qtbot, window, fake)
        assert window.workbench.editing.corrections.vertebrae == moved

    def test_the_reading_is_of_the_result_with_the_correction(
        self, qtbot, window, files, fake, monkeypatch
    ):
        """A length that is calibrated in the last step stands on the page that is read first."""
        bench = window.workbench
        fake.analyser.hold = "Measuring"
        bench.opener.open_paths(files("film_1.png"))
        qtbot.waitUntil(lambda: bench.editing.is_bare)
        qtbot.waitUntil(fake.analyser.reached.is_set)
        with qtbot.waitSignal(bench.session.finding_ready):
            window.correction.changes.calibrate(((10.0, 10.0), (10.0, 60.0)), 40.0)
            fake.analyser.gate.set()
        settle(qtbot, window)
        qtbot.waitUntil(lambda: not bench.records.is_busy)
        result = bench.current_analysis
        assert result.corrections.calibration is not None
        assert bench.readings._entry.session.analysis is result
        assert bench.readings.shown.page == bench.readings._entry.session.page

    def test_a_pending_correction_does_not_bring_the_earlier_result_back(
        self, qtbot, running, fake
    ):
        bench = running.window.workbench
        running.window.correction.changes.add_text((8.0, 9.0), "here")
        self.finish(qtbot, running.window, fake)
        bench.readings.catch_up()
        qtbot.waitUntil(lambda: not bench.records.is_busy)
        assert bench.readings._entry.session.analysis is bench.current_analysis


def test_a_series_takes_its_look_and_nothing_else_along():
    here = phantoms.mr_analysis()
    turned = Turned(
        replace(here.uncorrected, facing=Facing.RIGHT, presentation=Presentation(turn_deg=90.0)),
        keeps_bodies=False,
        is_of_series=True,
    )
    own = replace(here.uncorrected, drawings=(Drawing(DrawingTool.TEXT, 1, ((1.0, 2.0),), "mine"),))
    wanted = carried(here, turned, own)
    assert wanted == replace(own, presentation=Presentation(turn_deg=90.0))
    assert carried(here, turned, None).facing == here.uncorrected.facing


def test_an_inversion_of_a_slice_without_a_result_is_undone_there(qtbot, leafed):
    press_key(leafed, Qt.Key.Key_Comma)
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    picture, bench = leafed.viewer.picture, leafed.workbench
    assert bench.editing.unsaved_count == 0 or not bench.undoing.undo_label
    press_key(leafed, Qt.Key.Key_I)
    assert picture.is_inverted
    assert bench.undoing.undo_label == "invert the grey values"
    press_key(leafed, Qt.Key.Key_Z, CTRL)
    assert not picture.is_inverted
    assert picture.presentation == Presentation(turn_deg=90.0)
    assert not bench.undoing.undo_label
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    press_key(leafed, Qt.Key.Key_I)
    leafed.navigation.follow()
    settle(qtbot, leafed)
    assert picture.presentation == Presentation(turn_deg=90.0, is_inverted=True)
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    assert picture.is_inverted
    press_key(leafed, Qt.Key.Key_I)
    assert not picture.is_inverted


def test_drawing_on_a_slice_without_a_result_leaves_its_series_turned(qtbot, leafed):
    press_key(leafed, Qt.Key.Key_Comma)
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    leafed.correction.changes.add_text((8.0, 9.0), "here")
    assert leafed.workbench.editing.corrections.drawings
    assert leafed.viewer.picture.presentation == Presentation(turn_deg=90.0)
