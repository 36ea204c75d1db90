"""A PDF as pictures of its pages, for previews and printers."""

from __future__ import annotations

from PyQt6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtPdf import QPdfDocument
from PyQt6.QtPrintSupport import QPrinter

MOST_DPI = 300
"""Of a page on a printer; more is not seen, and takes memory with its square."""

_POINTS_PER_INCH = 72


class PdfPages:
    """The pages of one PDF, which stays in memory as long as this object.

    Parameters
    ----------
    data : bytes
        The whole PDF.

    Raises
    ------
    ValueError
        The bytes are no PDF.
    """

    def __init__(self, data: bytes) -> None:
        self._buffer = QBuffer()
        self._buffer.setData(QByteArray(data))
        self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        self.document = QPdfDocument(None)
        self.document.load(self._buffer)
        if self.document.error() is not QPdfDocument.Error.None_:
            raise ValueError("not a PDF")

    def __len__(self) -> int:
        return self.document.pageCount()

    def text(self, index: int) -> str:
        """Return what stands on a page; pages count from 0."""
        return self.document.getAllText(index).text()

    def image(self, index: int, dpi: float) -> QImage:
        """Return a page on white paper; pages count from 0."""
        size = self.document.pagePointSize(index) * (dpi / _POINTS_PER_INCH)
        drawn = self.document.render(index, QSize(round(size.width()), round(size.height())))
        paper = QImage(drawn.size(), QImage.Format.Format_RGB32)
        paper.fill(0xFFFFFFFF)
        painter = QPainter(paper)
        painter.drawImage(0, 0, drawn)
        painter.end()
        return paper


def print_pages(pages: PdfPages, printer: QPrinter) -> None:
    """Draw the pages that the printer was asked for, each as large as the paper allows."""
    chosen = _chosen(len(pages), printer)
    painter = QPainter(printer)
    for number, index in enumerate(chosen):
        if number:
            printer.newPage()
        paper = QRectF(painter.viewport())
        image = pages.image(index, min(printer.resolution(), MOST_DPI))
        scale = min(paper.width() / image.width(), paper.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        left, top = (paper.width() - width) / 2, (paper.height() - height) / 2
        painter.drawImage(QRectF(left, top, width, height), image, QRectF(image.rect()))
    painter.end()


def _chosen(count: int, printer: QPrinter) -> range:
    first, last = printer.fromPage(), printer.toPage()
    return range(count) if not first else range(first - 1, min(last, count))
