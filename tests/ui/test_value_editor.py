"""Editors of values, on their own."""

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from spinealign.domain.reading import Decision, NumberValue, ReadImage, Reading
from spinealign.reading.decisions import ReadFinding, decide, read_findings
from spinealign.reading.findings import findings_of, page_of
from spinealign.ui.reading.finding_row import FindingRow
from spinealign.ui.reading.value_editor import editor_of
from spinealign.ui.widgets.theme import LIGHT
from tests.readings import NOW, narrow_canal_analysis


def canal():
    lines = page_of(findings_of(narrow_canal_analysis())).lines
    return next(line for line in lines if line.key == "canal")


def test_each_level_of_a_narrow_canal_has_a_number(qtbot):
    found = canal().findings
    editor = editor_of(found)
    qtbot.addWidget(editor)
    editor.show()
    editor.begin()
    with qtbot.waitSignal(editor.chosen) as announced:
        QTest.keyClicks(editor.box, "9.7")
        QTest.keyClick(editor.box, Qt.Key.Key_Return)
    values = {key: value.value for key, value in announced.args[0].items()}
    assert values == {
        "measure/canal_diameter/L4/L5": 9.7,
        "measure/canal_diameter/L2/L3": 11.2,
        "measure/canal_diameter/L3/L4": 11.9,
        "measure/canal_diameter/L1/L2": 12.6,
    }
    assert all(isinstance(value, NumberValue) for value in announced.args[0].values())


def test_the_row_of_a_narrow_canal_has_a_bar_and_its_limit(qtbot):
    row = FindingRow("canal", LIGHT)
    qtbot.addWidget(row)
    row.show_findings([ReadFinding(finding) for finding in canal().findings], is_locked=False)
    assert row.decision is Decision.UNDECIDED
    assert row.title.text() == "Canal diameter"
    assert "threshold 13 mm" in row.note.text()
    assert row.bar.isVisibleTo(row)


def test_the_bar_of_a_narrow_canal_shows_its_worst_level_and_words_name_the_level_changed(qtbot):
    found = canal().findings
    narrowest = found[0]
    reading = Reading(ReadImage("0", 10, 10), "spine_mr")
    reading = decide(reading, narrowest, Decision.CHANGED, NumberValue(14.0, "mm"), NOW)
    row = FindingRow("canal", LIGHT)
    qtbot.addWidget(row)
    row.show_findings(read_findings(found, reading), is_locked=False)
    assert row.bar._finding.value.value == 11.2
    assert row.state.text().startswith(f"{narrowest.place} changed, the program said ")
