"""The settings by mouse and keys: what is chosen takes effect, and only with OK or Apply."""

import io
from dataclasses import fields, replace

import pytest
from PIL import Image
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QCheckBox, QDialogButtonBox, QLabel, QPushButton

from spinealign.domain.report_details import PaperSize, ReportPart
from spinealign.ui.settings.letterhead import institution, keep_logo, logo_path
from spinealign.ui.settings.settings import OverlayStyle, Settings, SettingsStore, ThemeChoice
from spinealign.ui.window.settings_dialog import NEVER_RESTORED, SettingsDialog
from spinealign.ui.window.settings_form import PageName
from spinealign.wording.settings_window import OVERLAY_IS_OFF, SETTING_WORDS
from spinealign.wording.worklist import Standing

KIND = QDialogButtonBox.StandardButton
LEFT = Qt.MouseButton.LeftButton


class Chooser:
    """A person before the settings of a window."""

    def __init__(self, window, page=PageName.GENERAL):
        self.window = window
        window.actions_by_name["settings"].trigger()
        self.dialog = window.findChild(SettingsDialog)
        self.go(page)

    def go(self, page):
        self.dialog.list.setFocus()
        self.dialog.list.setCurrentRow(list(PageName).index(page))

    def widget(self, name):
        return self.dialog.form[name].widget

    def tick(self, name):
        box = self.widget(name)
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Space)

    def press(self, kind):
        QTest.mouseClick(self.dialog.buttons.button(kind), LEFT)

    @property
    def can_apply(self):
        return self.dialog.buttons.button(KIND.Apply).isEnabled()

    @property
    def settings(self):
        return self.window.workbench.preferences.settings


@pytest.fixture
def chooser(window):
    return lambda page=PageName.GENERAL: Chooser(window, page)


# The dialog itself


def test_the_settings_say_that_measures_wait_for_the_overlay(chooser):
    found = chooser(PageName.PICTURE)
    [note] = [each for each in found.dialog.findChildren(QLabel) if each.text() == OVERLAY_IS_OFF]
    assert note.isVisible() != found.widget("show_overlay").isChecked()
    for _ in range(2):
        found.tick("show_overlay")
        assert note.isVisible() != found.widget("show_overlay").isChecked()


def test_every_setting_can_be_chosen_and_has_words(chooser):
    found = chooser()
    everything = {field.name for field in fields(Settings)}
    assert found.dialog.form.names == everything - {"phrases"}
    on_pages = [name for place in range(found.dialog.pages.count())
                for name in found.dialog.pages.widget(place).names]  # fmt: skip
    assert sorted(on_pages) == sorted(everything - {"phrases"})
    assert everything - {"hidden_measures"} <= set(SETTING_WORDS)
    assert {"reader_name"} < NEVER_RESTORED < everything


def test_ctrl_comma_opens_the_settings_and_every_page_is_reached_by_keys(qtbot, window):
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(SettingsDialog)
    dialog.list.setFocus()
    for page in PageName:
        assert dialog.page.name is page
        reached = set()
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        for _ in range(60):
            reached.add(dialog.focusWidget())
            if dialog.focusWidget() is dialog.list:
                break
            QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        for name in dialog.page.names:
            if name not in ("hidden_measures", "left_out_parts"):
                assert dialog.form[name].widget in reached, name
        QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())


def test_nothing_changes_before_ok_or_apply_and_cancel_leaves_all(chooser, window):
    before = window.workbench.preferences.settings
    found = chooser(PageName.PICTURE)
    assert not found.can_apply
    found.tick("show_overlay")
    assert found.can_apply
    assert found.settings == before
    assert window.actions_by_name["overlay"].isChecked()
    found.press(KIND.Cancel)
    assert found.settings == before


def test_apply_takes_over_and_cancel_keeps_that(chooser, window):
    found = chooser(PageName.PICTURE)
    found.tick("show_overlay")
    found.press(KIND.Apply)
    assert not found.can_apply
    assert not found.settings.show_overlay
    found.tick("show_measures")
    found.press(KIND.Cancel)
    assert found.settings == replace(Settings(), show_overlay=False)
    stored = SettingsStore(window.workbench.preferences.folder).load_settings()
    assert stored == found.settings


def test_taking_a_change_back_by_hand_leaves_nothing_to_apply(chooser):
    found = chooser(PageName.PICTURE)
    found.tick("show_overlay")
    found.tick("show_overlay")
    assert not found.can_apply


def test_restoring_is_of_one_page_and_only_shown_until_it_is_applied(chooser, window):
    chosen = replace(Settings(), theme=ThemeChoice.DARK, show_overlay=False, reader_name="A. B.")
    window.workbench.preferences.adopt(chosen)
    found = chooser(PageName.PICTURE)
    found.press(KIND.RestoreDefaults)
    assert found.settings == chosen
    found.press(KIND.Ok)
    assert found.settings == replace(chosen, show_overlay=True)
    again = Chooser(window, PageName.READING)
    again.press(KIND.RestoreDefaults)
    again.press(KIND.Ok)
    assert again.settings.reader_name == "A. B."


def test_what_is_edited_elsewhere_meanwhile_is_kept(chooser, window):
    found = chooser(PageName.PICTURE)
    window.workbench.preferences.choose(reader_name="A. Reader")
    found.tick("show_overlay")
    found.press(KIND.Ok)
    assert found.settings == replace(Settings(), reader_name="A. Reader", show_overlay=False)


def test_settings_that_cannot_be_kept_hold_and_are_told(chooser, window, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spinealign.files.os.fsync", full)
    found = chooser(PageName.PICTURE)
    found.tick("show_overlay")
    found.press(KIND.Ok)
    assert not window.actions_by_name["overlay"].isChecked()
    assert "could not be kept" in window.banner.text


@pytest.mark.parametrize("page", PageName)
def test_every_page_fits_a_small_screen_at_double_size(window, chooser, page):
    window.resize(683, 384)
    dialog = chooser(page).dialog
    assert dialog.width() <= 683
    assert dialog.height() <= 384
    assert dialog.minimumSizeHint().width() <= 640
    shown = dialog.page
    assert shown.widget().minimumSizeHint().width() <= shown.viewport().width()


# What each of them does


def test_colours(chooser, window):
    found = chooser()
    assert not window.theme.is_dark
    QTest.keyClicks(found.widget("theme"), "Dark")
    found.press(KIND.Ok)
    assert window.theme.is_dark
    assert window.actions_by_name["theme_dark"].isChecked()


def test_layers_on_the_picture(analysed, chooser, window):
    analysed("mr_1.nii")
    picture = window.viewer.picture
    found = chooser(PageName.PICTURE)
    for name in ("show_overlay", "show_measures", "show_heatmap", "show_reference_lines"):
        found.tick(name)
    QTest.keyClicks(found.widget("overlay_style"), "Outlines")
    found.widget("overlay_opacity").setFocus()
    QTest.keyClick(found.widget("overlay_opacity"), Qt.Key.Key_End)
    found.press(KIND.Ok)
    names = ("overlay", "measures", "heatmap", "reference_lines")
    assert not any(window.actions_by_name[name].isChecked() for name in names)
    assert window.actions_by_name["outlines"].isChecked()
    assert found.settings.overlay_style is OverlayStyle.OUTLINES
    assert window.opacity_slider.value() == 100
    assert not picture.measures.keys


def test_layers_are_those_of_the_last_choice_at_the_next_start(chooser, open_window):
    found = chooser(PageName.PICTURE)
    found.tick("show_overlay")
    found.press(KIND.Ok)
    again = open_window(SettingsStore(found.window.workbench.preferences.folder))
    assert not again.actions_by_name["overlay"].isChecked()


def test_images_are_analysed_at_once_or_wait_for_a_person(qtbot, chooser, window, files, fake):
    found = chooser()
    found.tick("analyses_at_once")
    found.press(KIND.Ok)
    bench = window.workbench
    with qtbot.waitSignal(bench.session.added):
        bench.opener.open_paths(files("ct_1.dcm", "mr_2.nii"))
    qtbot.waitUntil(lambda: not bench.looking.is_busy and bench.current is not None)
    first, second = bench.session.cases
    assert not bench.session.is_busy
    assert {case.standing for case in (first, second)} == {Standing.NOT_ANALYSED}
    assert fake.analyser.calls == []
    words = [label.text() for label in window.results.page.findChildren(QLabel)]
    assert "Not analysed yet" in words
    [analyse] = [b for b in window.results.page.findChildren(QPushButton) if b.text() == "Analyse"]
    with qtbot.waitSignal(bench.session.finding_ready):
        QTest.mouseClick(analyse, LEFT)
    assert (first.standing, second.standing) == (Standing.TO_CHECK, Standing.NOT_ANALYSED)
    bench.select(second)
    assert second.standing is Standing.NOT_ANALYSED
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    with qtbot.waitSignal(bench.session.finding_ready):
        QTest.keyClick(window, Qt.Key.Key_F5)
    assert second.standing is Standing.TO_CHECK


def test_the_choice_to_wait_holds_at_the_next_start(open_window, fake, tmp_path):
    store = SettingsStore(tmp_path / "waiting")
    store.save(Settings(analyses_at_once=False))
    assert not open_window(store).workbench.session.analyses_at_once


def test_the_wheel_leafs_or_zooms(qtbot, leafed):
    viewer, here = leafed.viewer, leafed.navigation.place
    found = Chooser(leafed)
    found.tick("wheel_leafs")
    found.press(KIND.Ok)
    before = viewer.zoom
    turn_wheel(viewer)
    assert viewer.zoom > before
    assert leafed.navigation.place == here
    again = Chooser(leafed)
    again.tick("wheel_leafs")
    again.press(KIND.Ok)
    before = viewer.zoom
    turn_wheel(viewer)
    assert viewer.zoom == before
    qtbot.waitUntil(lambda: leafed.navigation.place != here)


def turn_wheel(viewer):
    middle = QPointF(viewer.viewport().rect().center())
    event = QWheelEvent(
        middle, viewer.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewer.viewport(), event)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("in millimetres", ["mm"]),
        ("in pixels", ["px"]),
        ("in millimetres and pixels", ["mm", "px"]),
    ],
)
def test_lengths_drawn_by_hand(hands, window, chosen, expected):
    found = Chooser(window, PageName.MEASURES)
    window.correction.changes.calibrate(((0, 0), (100, 0)), 50.0)
    box = found.widget("drawn_lengths")
    box.setCurrentText(chosen)
    found.press(KIND.Ok)
    window.actions_by_name["tool_distance"].trigger()
    hands.click((20, 30))
    hands.move((60, 60), held=False)
    live = window.correction.editor.tool_text
    hands.click((60, 60))
    layer = window.viewer.picture.measures
    [key] = [key for key in layer.keys if key[0] == "drawn_distance"]
    for text in (live, layer.label(key)):
        assert [unit for unit in ("mm", "px") if f" {unit}" in text] == expected, text
    # It changes what is drawn already, too.
    again = Chooser(window, PageName.MEASURES)
    again.press(KIND.RestoreDefaults)
    again.press(KIND.Ok)
    assert " mm" in layer.label(key)
    assert "px" not in layer.label(key)


def test_the_unit_of_lengths_holds_for_every_picture(hands, window, analysed):
    found = Chooser(window, PageName.MEASURES)
    window.correction.changes.calibrate(((0, 0), (100, 0)), 50.0)
    found.widget("drawn_lengths").setCurrentText("in pixels")
    found.press(KIND.Ok)
    window.actions_by_name["tool_distance"].trigger()
    hands.click((20, 30))
    hands.click((60, 60))
    first = window.workbench.current
    analysed("film_2.png")
    window.workbench.select(first)
    layer = window.viewer.picture.measures
    [key] = [key for key in layer.keys if key[0] == "drawn_distance"]
    assert " px" in layer.label(key)


def test_measures_on_the_picture(analysed, chooser, window):
    analysed("film_1.png")
    layer = window.viewer.picture.measures
    drawn = next(key for key in layer.keys if key[1])
    found = chooser(PageName.MEASURES)
    tree = found.widget("shown_measures")
    item = tree._items[drawn[0]]
    assert item.checkState(0) is Qt.CheckState.Checked
    tree.setCurrentItem(item)
    tree.setFocus()
    QTest.keyClick(tree, Qt.Key.Key_Space)
    assert drawn in layer.keys
    found.press(KIND.Ok)
    assert drawn[0] not in {code for code, _ in layer.keys}
    assert found.settings.hidden_measures == (drawn[0],)
    again = Chooser(window, PageName.MEASURES)
    again.press(KIND.RestoreDefaults)
    again.press(KIND.Ok)
    assert drawn in layer.keys


def test_a_level_ticked_in_the_table_stays_until_its_measure_is_chosen(analysed, chooser, window):
    analysed("film_1.png")
    layer = window.viewer.picture.measures
    code, levels = next(key for key in layer.keys if key[1])
    window.correction.measures.toggle((code, levels), False)
    found = chooser(PageName.MEASURES)
    tree = found.widget("shown_measures")
    assert tree._items[code].checkState(0) is Qt.CheckState.PartiallyChecked
    assert not found.can_apply
    other = next(c for c in tree._items if c != code)
    tree._items[other].setCheckState(0, Qt.CheckState.Unchecked)
    tree._items[other].setCheckState(0, Qt.CheckState.Checked)
    found.press(KIND.Ok)
    assert (code, levels) not in layer.keys
    again = Chooser(window, PageName.MEASURES)
    again.widget("shown_measures")._items[code].setCheckState(0, Qt.CheckState.Checked)
    again.press(KIND.Ok)
    assert (code, levels) in layer.keys


def test_who_signs(chooser, window):
    found = chooser(PageName.READING)
    QTest.keyClicks(found.widget("reader_name"), "  Dr A. Reader ")
    found.press(KIND.Ok)
    assert found.settings.reader_name == "Dr A. Reader"


def test_phrases_are_reached_from_here(qtbot, chooser, window):
    found = chooser(PageName.READING)
    [button] = [b for b in found.dialog.page.findChildren(QPushButton) if "Phrases" in b.text()]
    with qtbot.waitSignal(window.actions_by_name["phrases"].triggered):
        QTest.mouseClick(button, LEFT)
    opened = [d for d in window.findChildren(type(window.findChild(SettingsDialog)).__mro__[1])
              if d.windowTitle() == "Phrases"]  # fmt: skip
    assert len(opened) == 1
    opened[0].close()


def save_a_report(qtbot, window, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "r.pdf"), ""),
    )
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save_report"].trigger()


def test_paper_and_parts_of_reports(qtbot, chooser, analysed, fake, window, monkeypatch, tmp_path):
    found = chooser(PageName.REPORTS)
    QTest.keyClicks(found.widget("paper"), "Letter")
    boxes = found.dialog.page.findChildren(QCheckBox)
    [discs] = [box for box in boxes if "discs" in box.text().replace("&", "")]
    discs.setFocus()
    QTest.keyClick(discs, Qt.Key.Key_Space)
    found.press(KIND.Ok)
    analysed("mr_1.nii")
    save_a_report(qtbot, window, monkeypatch, tmp_path)
    layout = fake.reports[-1].layout
    assert (layout.paper, layout.left_out) == (PaperSize.LETTER, (ReportPart.DISCS,))


def test_a_letterhead_stands_on_reports(qtbot, window, analysed, fake, monkeypatch, tmp_path):
    bench, logo = window.workbench, tmp_path / "logo.jpg"
    Image.new("RGB", (3000, 200), (10, 60, 120)).save(logo)
    monkeypatch.setattr(
        "spinealign.ui.window.logo_choice.QFileDialog.getOpenFileName", lambda *_: (str(logo), "")
    )
    window.actions_by_name["letterhead"].trigger()
    dialog = window.findChild(SettingsDialog)
    assert dialog.page.name is PageName.REPORTS
    dialog.form["institution_name"].widget.insert("  Klinika Łódź ")
    QTest.keyClicks(dialog.form["institution_address"].widget, "Main Street 1")
    QTest.mouseClick(dialog.logo.choose, LEFT)
    assert institution(bench.preferences).logo_png == b""
    QTest.mouseClick(dialog.buttons.button(KIND.Ok), LEFT)
    found = institution(bench.preferences)
    assert (found.name, found.address) == ("Klinika Łódź", "Main Street 1")
    with Image.open(io.BytesIO(found.logo_png)) as kept:
        assert (kept.format, kept.size) == ("PNG", (1200, 80))
    analysed("mr_1.nii")
    save_a_report(qtbot, window, monkeypatch, tmp_path)
    assert fake.reports[-1].institution == found


def test_a_logo_is_removed_with_ok_and_what_is_no_picture_is_refused(
    chooser, window, monkeypatch, tmp_path
):
    preferences, text = window.workbench.preferences, tmp_path / "no.png"
    text.write_bytes(b"no picture")
    file = io.BytesIO()
    Image.new("RGB", (10, 10)).save(file, "PNG")
    keep_logo(preferences, file.getvalue())
    monkeypatch.setattr(
        "spinealign.ui.window.logo_choice.QFileDialog.getOpenFileName", lambda *_: (str(text), "")
    )
    found = chooser(PageName.REPORTS)
    QTest.mouseClick(found.dialog.logo.choose, LEFT)
    assert "could not be taken over" in found.dialog.problem.text()
    assert not found.can_apply
    QTest.mouseClick(found.dialog.logo.remove, LEFT)
    assert logo_path(preferences).exists()
    found.press(KIND.Ok)
    assert not logo_path(preferences).exists()


@pytest.mark.parametrize("size", [(3000, 60), (60, 3000), (900, 200)])
def test_a_logo_of_any_shape_fits_its_page(chooser, window, size):
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, "PNG")
    keep_logo(window.workbench.preferences, file.getvalue())
    picture = chooser(PageName.REPORTS).dialog.logo.picture
    shown, density = picture.pixmap(), picture.devicePixelRatioF()
    assert shown.devicePixelRatio() == density
    assert 0 < shown.width() / density <= 260
    assert 0 < shown.height() / density <= 64
    assert picture.property("kind") == "paper"  # white, as the report is, in each theme


def test_patient_data_and_recent_files(chooser, window, analysed):
    analysed()
    assert window.workbench.preferences.recent
    found = chooser(PageName.PRIVACY)
    found.tick("hide_patient_data")
    found.tick("remember_recent")
    found.press(KIND.Ok)
    assert window.patient.is_hidden
    assert window.actions_by_name["hide_patient"].isChecked()
    assert window.workbench.preferences.recent == []


def test_memory_is_told_and_its_limit_holds_at_once(chooser, window, analysed):
    first, second = analysed("ct_1.dcm"), analysed("mr_2.nii")
    session = window.workbench.session
    assert session.held_bytes > 0
    found = chooser(PageName.MEMORY)
    used = f"{session.held_bytes / 1e6:.0f} MB are used now. Between 100 and 64,000 MB."
    assert used in [label.text() for label in found.dialog.page.findChildren(QLabel)]
    assert (first.finding is None, second.finding is None) == (False, False)
    box = found.widget("case_memory_mb")
    for _ in range(20):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.value() == 100
    session.limit_memory(1)
    assert (first.finding is None, second.finding is None) == (True, False)
    found.press(KIND.Ok)
    assert session._limit_bytes == 100_000_000
    assert window.navigation.reader._limit_bytes == 256_000_000


def retype(box, text):
    """Type another number into a field, and go on to the next."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box.lineEdit(), text)
    QTest.keyClick(box, Qt.Key.Key_Tab)


@pytest.mark.parametrize("typed", ["50", "0", "70000"])
def test_memory_beyond_its_limits_is_refused_aloud_and_stays_as_typed(chooser, window, typed):
    before = window.workbench.preferences.settings
    found = chooser(PageName.MEMORY)
    dialog, box = found.dialog, found.widget("case_memory_mb")
    retype(box, typed)
    assert box.value() == int(typed)
    dialog.list.setCurrentRow(0)
    for kind in (KIND.Apply, KIND.Ok):
        found.press(kind)
        assert dialog.isVisible()
        assert dialog.page.name is PageName.MEMORY
        said = "Results of open cases: type a number between 100 and 64,000 MB."
        assert dialog.problem.text() == f"{said} Nothing was taken over yet."
        assert dialog.problem.isVisible()
    assert window.workbench.preferences.settings == before
    retype(box, "200")
    assert not dialog.problem.isVisible()
    found.press(KIND.Ok)
    assert window.workbench.preferences.settings.case_memory_mb == 200


def test_less_memory_than_is_used_says_what_happens(chooser, window, analysed, monkeypatch):
    analysed("ct_1.dcm")
    monkeypatch.setattr(type(window.workbench.session), "held_bytes", 640_000_000)
    found = chooser(PageName.MEMORY)
    retype(found.widget("case_memory_mb"), "300")
    said = [label.text() for label in found.dialog.page.findChildren(QLabel)]
    loses = "640 MB are used now: what was seen longest ago is let go. Between 100 and 64,000 MB."
    assert loses in said
