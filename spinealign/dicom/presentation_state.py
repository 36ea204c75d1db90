"""A presentation state: outlines, lines and labels over the image, as the program shows them.

Viewers that leave out the graphics of reports and segmentations mostly show these.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.dicom.contents import contents_of
from spinealign.dicom.graphics import Layer, Overlay, clipped, overlay_of
from spinealign.dicom.identifiers import derived_uid, new_uid
from spinealign.dicom.objects import SERIAL_NUMBER, SeriesNumber
from spinealign.dicom.picture import MANUFACTURER
from spinealign.dicom.segments import outlining_algorithm
from spinealign.dicom.source import SourceImage, source_of
from spinealign.dicom.statements import Scene
from spinealign.domain.examination import SpineRegion
from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpineImage, WindowCurve, WindowKind
from spinealign.domain.measurements import Measurement
from spinealign.domain.presentation import QUARTER_DEG
from spinealign.domain.reading import Decision, Reading
from spinealign.domain.report_details import ReportDetails
from spinealign.imaging.dicom_tags import frame_value
from spinealign.imaging.presenting import Placing
from spinealign.imaging.windows import default_display
from spinealign.reading.findings import measure_key

if TYPE_CHECKING:
    from pydicom import Dataset

_COLOURS: Mapping[Layer, tuple[int, int, int]] = MappingProxyType(
    {
        Layer.OUTLINES: (86, 220, 120),
        Layer.SUGGESTIONS: (160, 170, 180),
        Layer.CORNERS: (86, 220, 120),
        Layer.MEASURES: (127, 212, 255),
        Layer.NOTES: (255, 157, 226),
    }
)
_FUNCTIONS = {
    WindowCurve.LINEAR: "LINEAR",
    WindowCurve.LINEAR_EXACT: "LINEAR_EXACT",
    WindowCurve.SIGMOID: "SIGMOID",
}
_DEVICE_CLASS, _PROFILE_ID = slice(12, 16), slice(84, 100)
"""Places in the header of a profile. Source: ICC.1:2010, 7.2."""

_GREY = ("MONOCHROME1", "MONOCHROME2")


def presentation_state(
    analysis: Analysis, details: ReportDetails, measures: Sequence[Measurement]
) -> Dataset:
    """Return a presentation state of an analysis: Grayscale Softcopy, or Color of a colour image.

    Parameters
    ----------
    analysis : Analysis
    details : ReportDetails
        `layers` says what is shown; what the reader rejected, or gave another value, is not.
    measures : sequence of Measurement
        Those that the overlay draws.

    Returns
    -------
    pydicom.Dataset
        Graphics are in stored pixels. It turns and mirrors the image to where the program shows
        it, a turn that is no quarter turn to the nearest one, which is all that DICOM has
        (PS3.3 C.10.6).

    Raises
    ------
    DicomObjectError, ImageReadError
        As `source_of`.
    """
    import highdicom as hd

    plain, source = analysis.without_demonstration, source_of(analysis.image, details.dicom)
    shown = overlay_of(plain, _that_hold(plain, details.reading, measures), details.layers)
    header = _plain_header(source)
    layers, annotations = _annotations(shown, source, plain, details.dicom.uid_root)
    is_grey = source.header.PhotometricInterpretation in _GREY
    state = (
        hd.pr.GrayscaleSoftcopyPresentationState
        if is_grey
        else hd.pr.ColorSoftcopyPresentationState
    )
    root = details.dicom.uid_root
    values = _grey_choices(plain.image, source) if is_grey else {"icc_profile": _srgb()}
    made: Dataset = state(
        [header],
        derived_uid("presentations", source.sop_instance_uid, root=root),
        int(SeriesNumber.PRESENTATION),
        new_uid(root),
        1,
        MANUFACTURER,
        MANUFACTURER,
        __version__,
        SERIAL_NUMBER,
        "SPINEALIGN",
        content_description="Outlines, lines and values of SpineAlign",
        content_creator_name="SpineAlign^",
        graphic_layers=layers or None,
        graphic_annotations=annotations or None,
        series_description="SpineAlign presentation state",
        specific_character_set="ISO_IR 192",
        **values,
    )
    made.BodyPartExamined = _body_part(plain)
    _place(made, source, plain.image)
    return made


def _that_hold(
    analysis: Analysis, reading: Reading | None, measures: Sequence[Measurement]
) -> list[Measurement]:
    if reading is None:
        return list(measures)
    changed = (Decision.CHANGED, Decision.REJECTED)
    told = {
        one.finding.key
        for one in contents_of(analysis, reading).statements
        if one.state not in changed
    }
    decided = {made.key for made in reading.decisions}
    return [m for m in measures if measure_key(m) in told or measure_key(m) not in decided]


def _plain_header(source: SourceImage) -> Dataset:
    """Return a header of which highdicom takes patient, study and size, and nothing else.

    What it takes of frames itself fails for images with several frames and no groups of them.
    """
    from pydicom import Dataset

    header = copy.copy(source.header)
    if source.frame_number is not None:
        header.SharedFunctionalGroupsSequence = [Dataset()]
        header.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(source.frames)]
    return header


def _body_part(analysis: Analysis) -> str:
    """Return the part that was analysed, an unpaired one.

    Else a reader of the object asks for a side (PS3.3 C.7.3.1); not every word that files have for
    the spine is known to be of an unpaired part.
    """
    kind = analysis.examination
    is_neck = kind is not None and kind.regions == {SpineRegion.CERVICAL}
    return "CSPINE" if is_neck else "SPINE"


# Graphics


def _annotations(
    shown: Overlay, source: SourceImage, analysis: Analysis, root: str
) -> tuple[list[Any], list[Any]]:
    """Return the layers that hold something, and what they hold."""
    import highdicom as hd

    algorithm = outlining_algorithm(analysis)
    scene = Scene(source, (), algorithm, algorithm, root)
    layers, annotations = [], []
    for order, layer in enumerate(Layer, start=1):
        objects = _graphic_objects(shown, layer, scene)
        texts = _text_objects(shown, layer, source)
        if not objects and not texts:
            continue
        colour = hd.color.CIELabColor.from_rgb(*_COLOURS[layer])
        layers.append(hd.pr.GraphicLayer(layer.value, order, display_color=colour))
        annotations.append(
            hd.pr.GraphicAnnotation(
                [source.header], layers[-1], source.frame_number, None, objects, texts
            )
        )
    return layers, annotations


def _graphic_objects(shown: Overlay, layer: Layer, scene: Scene) -> list[Any]:
    import highdicom as hd

    objects = []
    rows, cols = scene.source.stored_shape
    for line in shown.lines:
        if line.layer is not layer:
            continue
        tracked = scene.tracking(line.key) if line.key else None
        for part in clipped(scene.source.points_to_stored(line.points), (cols, rows)):
            kinds = hd.pr.GraphicTypeValues
            objects.append(
                hd.pr.GraphicObject(
                    kinds.POLYLINE if len(part) > 1 else kinds.POINT,
                    part,
                    hd.pr.AnnotationUnitsValues.PIXEL,
                    tracking_id=None if tracked is None else tracked.text,
                    tracking_uid=None if tracked is None else tracked.uid,
                )
            )
    return objects


def _text_objects(shown: Overlay, layer: Layer, source: SourceImage) -> list[Any]:
    import highdicom as hd

    rows, cols = source.stored_shape
    own = [words for words in shown.words if words.layer is layer]
    places = source.points_to_stored([words.at for words in own])
    return [
        hd.pr.TextObject(
            words.text,
            hd.pr.AnnotationUnitsValues.PIXEL,
            anchor_point=(float(np.clip(x, 0, cols)), float(np.clip(y, 0, rows))),
            anchor_point_visible=False,
        )
        for words, (x, y) in zip(own, places.tolist(), strict=True)
    ]


# Grey values


def _grey_choices(image: SpineImage, source: SourceImage) -> dict[str, Any]:
    """Return window and polarity of a grey image.

    A table that the file brings, and the window of a film that is stored as a negative, stay the
    file's: the program's window is for its own values, which are turned over.
    """
    import highdicom as hd

    is_negative = source.header.PhotometricInterpretation == "MONOCHROME1"
    is_inverse = is_negative != image.presentation.is_inverted
    shape = hd.PresentationLUTShapeValues.INVERSE if is_inverse else None
    choices: dict[str, Any] = {}
    rescale = _rescale(source)
    if rescale is not None:
        choices["modality_lut_transformation"] = rescale
    if shape is not None:
        choices["presentation_lut_transformation"] = hd.PresentationLUTTransformation(
            presentation_lut_shape=shape
        )
    window = default_display(image)
    if window.table is None and not is_negative and window.kind is not WindowKind.FILE_TABLE:
        choices["voi_lut_transformations"] = [
            hd.pr.SoftcopyVOILUTTransformation(
                float(window.centre), float(window.width), voi_lut_function=_FUNCTIONS[window.curve]
            )
        ]
    return choices


def _rescale(source: SourceImage) -> Any:
    """Return slope and intercept of the frame; None where the image has none, or a table."""
    import highdicom as hd

    header, frame = source.header, (source.frame_number or 1) - 1
    stated = [
        frame_value(header, frame, "PixelValueTransformationSequence", name)
        for name in ("RescaleSlope", "RescaleIntercept", "RescaleType")
    ]
    slope, intercept, kind = stated
    if slope is None or intercept is None or "ModalityLUTSequence" in header:
        return None
    return hd.ModalityLUTTransformation(float(intercept), float(slope), str(kind or "US"))


def _srgb() -> bytes:
    """Return the profile of colours that a colour image without one is shown in.

    As one of an input device, which is what an object may hold (PS3.3 C.11.15.1.1); that of three
    primaries is made of the same parts.
    """
    from PIL import ImageCms

    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    content[_DEVICE_CLASS], content[_PROFILE_ID] = b"scnr", bytes(16)
    return bytes(content)


# Which way round


def spatial_transformation(source: SourceImage, image: SpineImage) -> tuple[int, bool]:
    """Return how stored pixels are turned for the screen, and then mirrored.

    Returns
    -------
    rotation_deg : int
        With the hands of a clock: 0, 90, 180 or 270 (Image Rotation).
    is_flipped : bool
        Whether left and right are exchanged after that (Image Horizontal Flip).
    """
    matrix = _to_screen(source, image)
    if np.linalg.det(matrix) < 0:
        matrix = _MIRROR @ matrix
        is_flipped = True
    else:
        is_flipped = False
    across, down = (round(float(value)) for value in matrix[:, 0])
    return {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}[across, down], is_flipped


_MIRROR = np.array([[-1.0, 0.0], [0.0, 1.0]])


def _to_screen(source: SourceImage, image: SpineImage) -> NDArray[np.float64]:
    """Return the matrix (2, 2) of directions (column, row) from stored pixels to the screen."""
    turn, shown = source.turn, image.presentation
    swap = np.array([[0.0, 1.0], [1.0, 0.0]]) if turn.swaps else np.eye(2)
    flips = np.diag([-1.0 if turn.flips_cols else 1.0, -1.0 if turn.flips_rows else 1.0])
    nearest_deg = QUARTER_DEG * round(shown.turn_deg / QUARTER_DEG)
    placing = Placing(image.shape, 1.0, nearest_deg, shown.is_mirrored)
    return np.asarray(placing.linear @ flips @ swap, np.float64)


def _place(dataset: Dataset, source: SourceImage, image: SpineImage) -> None:
    """Say how the image is turned, which pixels its corners are then, and how large pixels are."""
    dataset.ImageRotation, is_flipped = spatial_transformation(source, image)
    dataset.ImageHorizontalFlip = "Y" if is_flipped else "N"
    rows, cols = source.stored_shape
    matrix = _to_screen(source, image)
    corners = np.array([(1, 1), (cols, 1), (cols, rows), (1, rows)])
    places = corners @ matrix.T
    area = dataset.DisplayedAreaSelectionSequence[0]
    # The corners of the area are named by where they come to lie (PS3.3 C.10.4).
    area.DisplayedAreaTopLeftHandCorner = corners[np.argmin(places.sum(axis=1))].tolist()
    area.DisplayedAreaBottomRightHandCorner = corners[np.argmax(places.sum(axis=1))].tolist()
    if image.spacing_mm is not None:
        down_mm, across_mm = source.turn.swapped(image.spacing_mm)
        area.PresentationPixelSpacing = [f"{down_mm:.10g}", f"{across_mm:.10g}"]
        del area.PresentationPixelAspectRatio
