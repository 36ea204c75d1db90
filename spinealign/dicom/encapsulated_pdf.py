"""The report as an encapsulated PDF document."""

from __future__ import annotations

from spinealign.dicom.objects import SeriesNumber, begun_object, image_reference, object_bytes
from spinealign.dicom.source import SourceImage

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_REPORT = ("18748-4", "LN", "Diagnostic imaging report")


def document_bytes(
    source: SourceImage,
    pdf: bytes,
    title: str,
    *,
    names_patient: bool,
    is_verified: bool,
    root: str = "",
) -> bytes:
    """Return a PDF as an Encapsulated PDF (PS3.3 A.45.1) in the study of the image it reports on.

    Parameters
    ----------
    source : SourceImage
    pdf : bytes
        The document, whole.
    title : str
        Document Title.
    names_patient : bool
        Whether its pages say whose image it is (Burned In Annotation).
    is_verified : bool
        Whether a reader signed what it says (Verification Flag).
    root : str
        Of the identifiers; empty for 2.25.

    Raises
    ------
    ValueError
        The bytes are no PDF.
    """
    from pydicom import Dataset

    if not pdf.startswith(b"%PDF-"):
        raise ValueError("no PDF")
    dataset = begun_object(
        source, ENCAPSULATED_PDF, "DOC", SeriesNumber.DOCUMENT, "SpineAlign reports", root
    )
    dataset.ConversionType = "WSD"
    dataset.BurnedInAnnotation = "YES" if names_patient else "NO"
    dataset.AcquisitionDateTime = ""
    dataset.DocumentTitle = title
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = _REPORT
    dataset.ConceptNameCodeSequence = [code]
    dataset.VerificationFlag = "VERIFIED" if is_verified else "UNVERIFIED"
    dataset.SourceInstanceSequence = [image_reference(source)]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return object_bytes(dataset)
