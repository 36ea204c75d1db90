"""The report as it will be printed, with a button that prints it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QMarginsF, Qt
from PyQt6.QtGui import QPageLayout, QPageSize
from PyQt6.QtPdfWidgets import QPdfView
from PyQt6.QtPrintSupport import QPrintDialog, QPrinter, QPrinterInfo
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from spinealign.ui.manual.manual_window import explain
from spinealign.ui.printing.pages import PdfPages, print_pages
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label

NO_PRINTER = "No printer is set up on this computer. Save the report as PDF and print it elsewhere."
JOB_NAME = "SpineAlign report"
"""What lists of print jobs show: no patient's name."""

_WIDTH_EM, _HEIGHT_EM = 110, 130


class PageView(QPdfView):
    """Pages below each other, as wide as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPageMode(QPdfView.PageMode.MultiPage)
        self.setZoomMode(QPdfView.ZoomMode.FitToWidth)
        self.setAccessibleName("Pages of the report")
        self.pages: PdfPages | None = None

    def show_pages(self, pages: PdfPages) -> None:
        """Show another PDF, at the place where the last one was looked at."""
        bar = self.verticalScrollBar()
        place = bar.value() if bar is not None else 0
        self.setDocument(pages.document)
        # Kept here: the view only borrows the document.
        self.pages = pages
        if bar is not None:
            bar.setValue(place)


class ReportPreview(QDialog):
    """Shows the pages and prints them.

    Parameters
    ----------
    pages : PdfPages
    title : str
        Says whether patient data are on the pages.
    """

    def __init__(self, pages: PdfPages, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        explain(self, "reports")
        self.view = PageView()
        self.view.show_pages(pages)
        has_printer = bool(QPrinterInfo.availablePrinterNames())
        self.print_button = QPushButton("&Print…")
        offer(self.print_button, "" if has_printer else NO_PRINTER)
        self.print_button.clicked.connect(self._ask_printer)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.print_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        column = QVBoxLayout(self)
        column.addWidget(self.view, 1)
        self.hint = wrapped_label("" if has_printer else NO_PRINTER)
        self.hint.setVisible(not has_printer)
        column.addWidget(self.hint)
        column.addWidget(buttons)
        self.print_button.setDefault(has_printer)
        self._fit()

    def _fit(self) -> None:
        em = self.fontMetrics().averageCharWidth()
        width, height = _WIDTH_EM * em, _HEIGHT_EM * em
        parent = self.parentWidget()
        if parent is not None:
            width, height = min(width, parent.width() - 40), min(height, parent.height() - 40)
        self.resize(width, height)

    def _ask_printer(self) -> None:
        ask_and_print(self.view.pages, self, self.accept)


def ask_and_print(pages: PdfPages | None, parent: QWidget, done: Callable[[], None]) -> None:
    """Ask for a printer, print, and call `done`; nothing happens where the user declines."""
    if pages is None:
        return
    printer = report_printer(pages)
    dialog = QPrintDialog(printer, parent)
    dialog.setMinMax(1, len(pages))
    if dialog.exec() == QDialog.DialogCode.Accepted:
        print_pages(pages, printer)
        done()


def report_printer(pages: PdfPages) -> QPrinter:
    """Return the usual printer, set for these pages, which have their own margins."""
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(JOB_NAME)
    printer.setFullPage(True)
    size, nearest = pages.document.pagePointSize(0), QPageSize.SizeMatchPolicy.FuzzyMatch
    printer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "", nearest))
    printer.setPageMargins(QMarginsF(), QPageLayout.Unit.Millimeter)
    return printer
