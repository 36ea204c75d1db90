"""Pages on the screen and on a printer, and the letterhead of reports."""

import io

import pytest
from PIL import Image
from pypdf import PdfReader
from PyQt6.QtCore import Qt
from PyQt6.QtPrintSupport import QPrinter
from PyQt6.QtTest import QTest

from spinealign.domain.report_details import PaperSize, ReportDetails, ReportLayout
from spinealign.domain.study import PatientFacts
from spinealign.export.report import report_pdf
from spinealign.ui.printing import preview
from spinealign.ui.printing.pages import PdfPages, print_pages
from spinealign.ui.printing.preview import JOB_NAME, NO_PRINTER, ReportPreview, report_printer
from spinealign.ui.settings.letterhead import institution, keep_logo, logo_path, read_logo
from tests import phantoms

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module")
def report():
    """The report of an MR, two pages at least."""
    return report_pdf(phantoms.mr_analysis(), ReportDetails(patient=PatientFacts(name="Łąka^Ewa")))


@pytest.fixture
def to_file(tmp_path, report):
    """Return a printer that writes a PDF."""
    return printing_to(tmp_path, report)


def printing_to(folder, report):
    printer = report_printer(PdfPages(report))
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(folder / "printed.pdf"))
    return printer


def test_pages_are_pictures_with_letters_on_white(qtbot, report):
    pages = PdfPages(report)
    assert len(pages) == len(PdfReader(io.BytesIO(report)).pages)
    image = pages.image(0, 72)
    assert (image.width(), image.height()) == (595, 842)
    greys = {
        image.pixelColor(x, y).lightness() for x in range(20, 575, 3) for y in range(20, 800, 3)
    }
    assert 255 in greys
    assert min(greys) < 60
    assert "Łąka, Ewa" in pages.text(0)


def test_what_is_no_pdf_is_refused(qtbot):
    with pytest.raises(ValueError, match="PDF"):
        PdfPages(b"no")


def test_all_pages_are_printed_on_a4(qtbot, report, to_file, tmp_path):
    pages = PdfPages(report)
    print_pages(pages, to_file)
    printed = PdfReader(tmp_path / "printed.pdf")
    assert len(printed.pages) == len(pages)
    width, height = (float(side) for side in printed.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)


def test_a_report_set_on_letter_is_printed_on_letter(qtbot, tmp_path):
    layout = ReportLayout(PaperSize.LETTER)
    report = report_pdf(phantoms.mr_analysis(), ReportDetails(layout=layout))
    print_pages(PdfPages(report), printing_to(tmp_path, report))
    width, height = PdfReader(tmp_path / "printed.pdf").pages[0].mediabox[2:]
    assert (round(width), round(height)) == (612, 792)


def test_only_the_pages_asked_for_are_printed(qtbot, report, to_file, tmp_path):
    to_file.setFromTo(2, 2)
    print_pages(PdfPages(report), to_file)
    assert len(PdfReader(tmp_path / "printed.pdf").pages) == 1


def test_a_list_of_print_jobs_names_no_patient(qtbot, report):
    assert report_printer(PdfPages(report)).docName() == JOB_NAME


def test_without_a_printer_a_sentence_says_what_to_do(qtbot, report, monkeypatch):
    monkeypatch.setattr(preview.QPrinterInfo, "availablePrinterNames", list)
    dialog = ReportPreview(PdfPages(report), "Report")
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.print_button.isEnabled()
    assert dialog.hint.isVisible()
    assert dialog.hint.text() == NO_PRINTER


def test_ctrl_p_shows_the_pages_and_prints_them(qtbot, window, analysed, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(preview.QPrinterInfo, "availablePrinterNames", lambda: ["office"])
    monkeypatch.setattr(preview.QPrintDialog, "exec", lambda _: preview.QDialog.DialogCode.Accepted)
    monkeypatch.setattr(preview, "print_pages", lambda pages, _: asked.append(len(pages)))
    analysed("mr_1.nii")
    QTest.keyClick(window, Qt.Key.Key_P, CTRL)
    qtbot.waitUntil(lambda: window.findChild(ReportPreview) is not None)
    dialog = window.findChild(ReportPreview)
    assert dialog.windowTitle() == "Report"
    dialog.print_button.click()
    assert asked == [len(dialog.view.pages)]
    assert not dialog.isVisible()


# Letterhead


def test_a_logo_can_be_kept_and_removed_and_what_is_no_picture_is_refused(window, tmp_path):
    preferences = window.workbench.preferences
    text = tmp_path / "logo.png"
    text.write_bytes(b"no picture")
    assert read_logo(text) == b""
    Image.new("RGB", (10, 10)).save(text)
    assert keep_logo(preferences, read_logo(text))
    assert institution(preferences).logo_png
    assert keep_logo(preferences, b"")
    assert not logo_path(preferences).exists()
    assert institution(preferences).logo_png == b""
