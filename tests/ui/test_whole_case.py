"""A whole case from file to report in five actions, at machine speed."""

from dataclasses import replace

from pypdf import PdfReader

from spinealign.domain.measurements import MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.export.corrections import corrections_path
from spinealign.ui.work.services import program_services
from spinealign.wording.measure_rows import value_text
from tests.ui.whole_case import WholeCase


def test_open_analyse_correct_report(qtbot, fake, open_window, files, tmp_path):
    real, build = program_services(tmp_path / "profile"), fake.build
    fake.build = lambda: replace(
        build(),
        write_report=real.write_report,
        load_corrections=real.load_corrections,
        corrections_marks=real.corrections_marks,
        save_corrections=real.save_corrections,
    )
    [image] = files("film_1.png")
    window = open_window()
    case = WholeCase(window)
    case.run(image, tmp_path / "report.pdf", ("C7", "anterior_inferior"), (0, 9))
    assert case.actions == [
        "Ctrl+O", "choose a file", "drag a corner", "Ctrl+E", "choose a file",
    ]  # fmt: skip
    print({part: f"{seconds:.2f} s" for part, seconds in case.seconds.items()})
    cobb = next(
        m
        for m in window.workbench.editing.analysis.measurements
        if m.code is MeasureCode.COBB_C2_C7
    )
    assert cobb.state is MeasureState.EDITED
    assert cobb.value != cobb.automatic_value
    printed = "".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    assert value_text(cobb) in printed
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert corrections_path(image).exists()
