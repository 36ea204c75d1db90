"""Whose examinations are compared: offered, warned of, confirmed; course; flexion, extension."""

from dataclasses import replace
from datetime import date

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from spinealign.domain.identifiers import DicomIdentifiers
from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.saving import ReportPatient
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.compare.course_page import CHOOSE_TWO
from spinealign.ui.window.date_dialog import DateDialog
from spinealign.wording.comparison import (
    DATES_GIVEN,
    OTHER_PATIENT,
    PATIENT_HIDDEN,
    owner_text,
)
from tests import fakes
from tests.phantoms import mr_analysis
from tests.phantoms_alignment import bent_column
from tests.phantoms_xray import analysed as analysed_film
from tests.phantoms_xray import draw_column

ANNA = PatientFacts(name="Kowalska^Anna", identifier="1", birth_date="19610704")
JAN = PatientFacts(name="Nowak^Jan", identifier="2", birth_date="19500101")
FILES = {
    "film_2023.dcm": replace(ANNA, study_date="20230115"),
    "film_jan.dcm": replace(JAN, study_date="20240101"),
    "film_2025.dcm": replace(ANNA, study_date="20250505"),
    "film_2024.dcm": replace(ANNA, study_date="20240320"),
}
BENT = {
    "film_extension.dcm": replace(ANNA, study_date="20250506", series_description="EXTENSION"),
    "film_flexion.dcm": replace(ANNA, study_date="20250506", series_description="Flexion"),
}


@pytest.fixture(scope="module")
def films():
    curves = {
        "film_flexion.dcm": [-2.0, -4.0, -6.0, -5.0, -3.0],
        "film_extension.dcm": [6.0, 8.0, 12.0, 9.0, 7.0],
        "film_2025.dcm": [9.0, 9.0, 9.0, 9.0, 9.0],
    }
    plain = analysed_film(draw_column())
    bent = {name: analysed_film(bent_column(discs, [0.0] * 5)) for name, discs in curves.items()}
    return {name: bent.get(name, plain) for name in (*FILES, *BENT)}


@pytest.fixture
def opened(window, fake, films, analysed, monkeypatch, qtbot):
    """A function that opens films and then the comparison of the last one."""
    windows = []
    fake.patients |= FILES | BENT

    def answer(path, _view, _side):
        facts = fake.patients[path.name]
        film = films[path.name] if path.name in films else mr_analysis()
        dicom = DicomIdentifiers(patient=facts.key)
        return replace(
            film, image=replace(film.image, source_path=path, sha256=path.name, dicom=dicom)
        )

    monkeypatch.setattr(fakes, "answer_for", answer)

    def show(*names):
        for name in names:
            analysed(name)
        window.actions_by_name["compare"].trigger()
        [found] = window.findChildren(CompareWindow)
        windows.append(found)
        qtbot.waitUntil(lambda: found.is_filled)
        qtbot.waitUntil(found.isVisible)
        qtbot.waitUntil(lambda: not window.workbench.patients.is_busy)
        qtbot.waitUntil(lambda: len(found.patients._facts) == len(names))
        return found

    yield show
    for each in windows:
        if not sip.isdeleted(each):
            each.close()


def offered(half):
    return [half.choice.itemText(place) for place in range(half.choice.count() - 1)]


def test_the_same_patients_last_examination_before_is_compared_the_earlier_first(opened):
    pair = opened(*FILES).pair
    assert pair.first.case.path.name == "film_2023.dcm"
    assert pair.second.case.path.name == "film_2024.dcm"
    assert "2023-01-15 to 2024-03-20: 14 months." in pair.times.text()
    assert "Kowalska" not in pair.times.text()
    assert [half.owner.text().split("  ·  ")[0] for half in (pair.first, pair.second)] == [
        "Kowalska, Anna", "Kowalska, Anna",
    ]  # fmt: skip
    assert "The same patient" in pair.times.text()
    assert not pair.doubt.isVisible()
    assert [text.split("  ·  ")[0] for text in offered(pair.second)] == [
        "2024-03-20", "2025-05-05", "2024-01-01", "2023-01-15",
    ]  # fmt: skip
    assert offered(pair.second)[2].endswith("Nowak, Jan  ·  ID 2  ·  another patient")


def test_names_are_not_shown_where_patient_data_are_hidden(opened, window):
    preferences = window.workbench.preferences
    preferences.settings = replace(preferences.settings, hide_patient_data=True)
    pair = opened(*FILES).pair
    owners = [pair.first.owner.text(), pair.second.owner.text()]
    assert owners == [PATIENT_HIDDEN, PATIENT_HIDDEN]
    shown = [pair.times.text(), *owners, *offered(pair.first), *offered(pair.second)]
    assert not any(word in text for text in shown for word in ("Kowalska", "Nowak", "ID 2"))
    assert "14 months" in pair.times.text()


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (PatientFacts(study_date="20240320"), "is not known"),
        (PatientFacts(name="Nowak^Jan", identifier="1", study_date="20240320"), "is doubtful"),
    ],
    ids=["nothing stated", "another name"],
)
def test_each_picture_names_its_own_patient_and_a_doubt_is_a_warning(opened, fake, other, says):
    fake.patients |= FILES | {"film_2024.dcm": other}
    pair = opened("film_2023.dcm", "film_2024.dcm").pair
    assert pair.doubt.isVisible()
    assert says in pair.doubt.words.text()
    assert "patient" not in pair.times.text()
    shown = {half.case.path.name: half.owner.text() for half in (pair.first, pair.second)}
    assert shown["film_2023.dcm"].startswith("Kowalska, Anna")
    assert shown["film_2024.dcm"] == owner_text(other, True)
    assert "Kowalska" not in shown["film_2024.dcm"]


def test_another_patient_is_never_chosen_by_the_program(opened):
    pair = opened("film_jan.dcm", "film_2023.dcm").pair
    assert (pair.first.case.path.name, pair.second.case) == ("film_2023.dcm", None)


def test_a_film_without_a_date_is_given_one(opened, window, fake, qtbot):
    fake.patients |= FILES | {"film_2024.dcm": replace(ANNA, study_date="")}
    found = opened("film_2025.dcm", "film_2024.dcm")
    turn_to(found, found.course)
    assert "1 examination without a date" in found.course.cautions.text()
    command = window.actions_by_name["examination_date"]
    assert command.isEnabled()
    command.trigger()
    [dialog] = window.findChildren(DateDialog)
    assert not dialog.keep.isEnabled()
    for text in ("2024-02-30", "3024-01-01", "1700-01-01", "soon"):
        dialog.text.setText(text)
        assert not dialog.keep.isEnabled()
        assert "not in the future" in dialog.keep.toolTip()
    dialog.text.setText("2024-03-20")
    dialog.keep.click()
    assert window.workbench.editing.corrections.examination_date == date(2024, 3, 20)
    assert not window.workbench.current.edit_words  # nothing of the result is corrected
    found.refresh()
    assert "without a date" not in found.course.cautions.text()
    assert DATES_GIVEN in found.course.cautions.text()
    rows = [found.course.cases.item(row).text() for row in range(2)]
    assert rows[0].startswith("2024-03-20 (given by the user)")
    window.workbench.editing.undo()
    assert window.workbench.editing.corrections.examination_date is None


def test_a_date_that_the_file_states_is_not_given(opened, window):
    opened("film_2024.dcm")
    command = window.actions_by_name["examination_date"]
    assert not command.isEnabled()
    assert command.toolTip() == "The file of the image states its date"


def test_the_comparison_fits_a_full_hd_screen_at_double_size(opened, qtbot):
    found = opened("film_2025.dcm", "film_2024.dcm")
    assert found.minimumSizeHint().width() <= 1920 // 2
    found.resize(900, 500)
    qtbot.waitUntil(lambda: found.width() == 900)
    for button in found.pair._needs_both:
        assert button.geometry().right() <= button.parentWidget().width()


def choose(half, ending):
    [place] = [n for n, text in enumerate(offered(half)) if ending in text]
    half.choice.setCurrentIndex(place)
    half.choice.activated.emit(place)


def test_another_patient_is_warned_of_and_compared_only_once_confirmed(opened):
    pair = opened(*FILES).pair
    choose(pair.second, "another patient")
    assert pair.warning.isVisible()
    assert pair.warning.accessibleName() == OTHER_PATIENT
    assert pair.compared is None
    assert pair.table.rows_model.rows == ()
    assert not any(button.isEnabled() for button in pair._needs_both)
    QTest.mouseClick(pair.warning.button, Qt.MouseButton.LeftButton)
    assert pair.compared is not None
    assert pair.table.rows_model.rows
    assert "a person confirmed it" in pair.doubt.words.text()
    assert pair.doubt.isVisible()
    assert not pair.warning.isVisible()
    choose(pair.second, "2025-05-05")
    assert pair.compared is not None
    assert "The same patient" in pair.times.text()


def test_a_change_is_counted_and_listed_first(opened):
    pair = opened("film_2023.dcm", "film_2025.dcm").pair
    changes = [row.change.value for row in pair.table.rows_model.rows]
    assert changes[0] == "beyond"
    assert changes.count("beyond") > 1
    assert f"{changes.count('beyond')} measures changed." in pair.times.text()


def turn_to(found, page):
    found.show_page(page)
    return page


def test_the_course_takes_the_patients_films_by_date_and_no_bent_ones(opened):
    found = opened(*FILES, *BENT)
    course = turn_to(found, found.course)
    days = [one.facts.study_date for one in course.course.examinations]
    assert days == ["20230115", "20240320", "20250505"]
    heads = [course.table.horizontalHeaderItem(n).text() for n in range(1, 4)]
    assert heads == ["2023-01-15", "2024-03-20", "2025-05-05"]
    jan = next(
        course.cases.item(row)
        for row in range(course.cases.count())
        if "another patient" in course.cases.item(row).text()
    )
    assert not jan.flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert jan.checkState() is Qt.CheckState.Unchecked


def test_another_kind_of_examination_is_not_ticked_and_offered_later(opened, fake):
    fake.patients["mr_2024.nii"] = replace(ANNA, study_date="20240319")
    found = opened("mr_2024.nii", "film_2023.dcm", "film_2024.dcm")
    assert found.pair.first.case.path.name == "film_2023.dcm"
    course = turn_to(found, found.course)
    kinds = {one.analysis.examination for one in course.course.examinations}
    assert len(kinds) == 1
    assert len(course.course.examinations) == 2


def test_a_course_is_chosen_and_drawn_by_keys(opened, qtbot):
    found = opened(*FILES)
    course = turn_to(found, found.course)
    first = course.picture.accessibleName()
    assert first.count("2023-01-15") == 1
    course.table.setFocus()
    QTest.keyClick(course.table, Qt.Key.Key_Down)
    assert course.picture.accessibleName() != first
    assert not course.picture.pixmap().isNull()
    course.cases.setFocus()
    course.cases.setCurrentRow(0)
    QTest.keyClick(course.cases, Qt.Key.Key_Space)
    assert len(course.course.examinations) == 2
    QTest.keyClick(course.cases, Qt.Key.Key_Down)
    QTest.keyClick(course.cases, Qt.Key.Key_Space)
    assert course.course is None
    assert course.title.text() == CHOOSE_TWO
    assert not any(button.isEnabled() for button in course._buttons)


def test_a_course_keeps_measures_of_results_that_were_let_go(opened, window, fake):
    found = opened(*FILES)
    course = turn_to(found, found.course)
    before = len(fake.analyser.calls)
    case = next(c for c in window.workbench.session.cases if c.path.name == "film_2024.dcm")
    case.finding = case.display = None
    window.workbench.session.changed.emit(case)
    assert len(course.course.examinations) == 3
    assert not window.workbench.session.is_busy
    assert len(fake.analyser.calls) == before


@pytest.mark.parametrize(
    ("page", "kinds"),
    [("pair", 2), ("course", 3), ("motion", 2)],
)
def test_each_page_is_saved_in_each_way(
    opened, window, fake, page, kinds, tmp_path, monkeypatch, qtbot
):
    found = opened("film_2023.dcm", "film_2024.dcm", *BENT)
    shown = turn_to(found, getattr(found, page))
    names = iter(range(9))
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / f"f{next(names)}"), ""),
    )
    buttons = shown._needs_both if page == "pair" else shown._buttons
    saving = [button for button in buttons if "Save" in button.text()]
    assert len(saving) == kinds
    for button in saving:
        with qtbot.waitSignal(window.workbench.saver.saved):
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    kind = {"pair": "comparison"}.get(page, page)
    assert [written[0] for written in fake.written] == [kind] * kinds
    suffixes = [written[1].suffix for written in fake.written]
    assert suffixes[0] == ".csv"
    assert suffixes[-1] == ".pdf"
    assert found.message.text()


def test_what_is_ticked_goes_into_the_reports_it_belongs_to_and_out_again(opened, window):
    found = opened("film_2023.dcm", "film_2024.dcm", *BENT)
    appendices = window.workbench.appendices
    analyses = {c.path.name: c.finding.analysis for c in window.workbench.session.cases}
    pair = found.pair
    second = pair.second.case.path.name
    QTest.mouseClick(pair.in_report, Qt.MouseButton.LeftButton)
    [prior] = appendices.parts_of(analyses[second]).values()
    assert prior.facts == FILES[pair.first.case.path.name]
    details = window.workbench.saver.report_details(analyses[second], ReportPatient.NAMED)
    assert details.prior.facts == prior.facts
    assert not appendices.parts_of(analyses[pair.first.case.path.name])
    pair.swap()
    assert not pair.in_report.isChecked()
    pair.swap()
    assert pair.in_report.isChecked()
    QTest.mouseClick(pair.in_report, Qt.MouseButton.LeftButton)
    assert not appendices.parts_of(analyses[second])
    motion = turn_to(found, found.motion)
    QTest.mouseClick(motion.in_report, Qt.MouseButton.LeftButton)
    for name in BENT:
        [part] = appendices.parts_of(analyses[name]).values()
        assert part.flexion.analysis is analyses["film_flexion.dcm"]
    course = turn_to(found, found.course)
    QTest.mouseClick(course.in_report, Qt.MouseButton.LeftButton)
    [part] = appendices.parts_of(analyses["film_2024.dcm"]).values()
    assert len(part.examinations) == 2


def test_two_films_of_a_day_are_flexion_and_extension(opened):
    found = opened(*FILES, *BENT)
    page = turn_to(found, found.motion)
    motion = page.motion
    assert motion.flexion.analysis.image.source_path.name == "film_flexion.dcm"
    assert page.captions[0].text() == "Flexion: film_flexion.dcm"
    assert page.captions[1].text() == "Extension: film_extension.dcm"
    assert page.table.rowCount() == len(motion.segments) > 0
    assert page.chart.accessibleName().count("°") == len(motion.segments)
    assert not page.chart.pixmap().isNull()
    before = page.table.item(0, 3).text()
    [swap] = [button for button in page._buttons if "Swap" in button.text().replace("&", "")]
    QTest.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert page.motion.flexion.analysis.image.source_path.name == "film_extension.dcm"
    assert page.captions[0].text() == "Extension: film_flexion.dcm"
    assert page.choices[0].currentText().count("film_flexion") == 1
    assert page.table.item(0, 3).text() == f"-{before}"


def test_the_table_of_motion_has_more_room_than_its_chart(opened, qtbot):
    found = opened(*BENT)
    found.resize(1180, 660)
    page = turn_to(found, found.motion)
    qtbot.waitUntil(lambda: page.table.width() > 100)
    assert page.table.width() > 2 * page.chart.width()
    last = page.table.columnCount() - 1
    assert page.table.columnViewportPosition(last) < page.table.viewport().width()


def test_motion_is_never_measured_across_patients(opened):
    found = opened(*FILES)
    page = turn_to(found, found.motion)
    assert page.motion is None
    for choice, ending in zip(page.choices, ("2023-01-15", "another patient"), strict=True):
        places = [n for n in range(choice.count()) if ending in choice.itemText(n)]
        choice.activated.emit(places[0])
    assert page.warning.isVisible()
    assert page.motion is None
    assert page.table.rowCount() == 0
    assert not any(button.isEnabled() for button in page._buttons)


def test_every_page_fits_a_screen_of_which_everything_is_drawn_twice_as_large(opened):
    found = opened(*FILES)
    for page in (found.pair, found.course, found.motion):
        assert page.minimumSizeHint().width() <= 900
