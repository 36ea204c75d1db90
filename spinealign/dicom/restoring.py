"""A case from its segmentation: outlines, points and numbers, or what masks alone tell.

A segmentation of this program's own brings points, names and drawings along, as long as its pixels
are those they were written with; one of another program brings outlines, from which corners are
taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.dicom.anatomy import Structure, StructureKind
from spinealign.dicom.foreign import foreign_outlines
from spinealign.dicom.own_state import OwnState, mask_checksum, read_own_state
from spinealign.dicom.program_state import ProgramState, as_said, unpacked_mask
from spinealign.dicom.segmentation_file import FoundSegment, SegmentationFile
from spinealign.dicom.source import SourceImage, source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.examination import LEVEL_SEQUENCE, BodySource
from spinealign.domain.findings import Analysis, Corrections, Facing, Segmentation, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.domain.structures import BODY_CLASSES, VERTEBRA
from spinealign.measure.correction.bare import with_drawn_part
from spinealign.measure.correction.corrected import (
    apply_corrections,
    without_confidence,
    without_corrections,
)
from spinealign.measure.outlines.class_ids import class_id
from spinealign.measure.outlines.mr_bodies import bodies_from_mask
from spinealign.measure.outlines.regions import region_statistics
from spinealign.measure.outlines.traced import DrawnMask, bodies_of_masks

Mask = NDArray[np.uint8]

_MR_CLASSES: Mapping[int, str] = {1: "vertebra", 2: "disc", 3: "canal"}
_KINDS = (StructureKind.VERTEBRA, StructureKind.DISC, StructureKind.CANAL)


@dataclass(frozen=True, eq=False)
class Restored:
    """What a segmentation says about an image.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        In pixels of `SpineImage`; values by `classes`.
    classes : mapping of int to str
        As in `Segmentation.classes`.
    corrections : Corrections
        Bodies, points and drawings.
    is_own : bool
        Whether the points are those that were written, and not taken from outlines.
    program : ProgramState or None
        What the program itself said then.
    other_view : str
        As what the image was taken for, where that is another kind now: only what was drawn on
        the picture, and outlines, are taken over then.
    """

    mask: Mask
    classes: Mapping[int, str]
    corrections: Corrections
    is_own: bool
    program: ProgramState | None = None
    other_view: str = ""


def restored(analysis: Analysis, file: SegmentationFile, source: SourceImage) -> Restored:
    """Return what a segmentation says about an analysed image.

    Parameters
    ----------
    analysis : Analysis
        Of the image, with or without corrections.
    file : SegmentationFile
    source : SourceImage
        Of the image.

    Raises
    ------
    DicomObjectError
        The segmentation is of another image or grid, damaged, or names nothing of the spine; or
        the image is of no kind that can be analysed.
    """
    found = file.segments_on(source)
    if analysis.examination is None:
        raise DicomObjectError(file.path, DicomObjectProblem.NO_SPINE)
    own = _own(file, found, source.shape)
    if own is not None and own[0].view == analysis.view_name:
        state, mask, classes = own
        return Restored(mask, classes, state.corrections, is_own=True, program=state.program)
    named = tuple(one for one in found if one.structure.kind in _KINDS)
    if not named:
        raise DicomObjectError(file.path, DicomObjectProblem.NO_SPINE)
    if analysis.examination.body_source is BodySource.MASK:
        measured = _of_slice(analysis, named)
    else:
        measured = _of_film(analysis, named, file)
    if own is None:
        used = _used(analysis, named)
        numbers = {one.number for one in used}
        others = [one for one in found if one.number not in numbers]
        whose = foreign_outlines(file, used, others)
        return replace(measured, corrections=replace(measured.corrections, outlined_by=whose))
    drawn = with_drawn_part(measured.corrections, own[0].corrections)
    return replace(measured, corrections=drawn, other_view=own[0].view)


def outlined_by(
    file: SegmentationFile, choices: DicomChoices
) -> Callable[[SpineImage, Segmentation], Segmentation]:
    """Return what puts the masks of a file in place of a network's, on an MR slice.

    Parameters
    ----------
    file : SegmentationFile
    choices : DicomChoices
        Whose image it is, where it is no DICOM file.
    """

    def outlined(image: SpineImage, found: Segmentation) -> Segmentation:
        source = source_of(image, choices)
        named = file.segments_on(source)
        own = _own(file, named, source.shape)
        program = None if own is None else own[0].program
        if own is not None and program is not None:
            said = program_mask(program, own[1])
            classes = _numbered(program.classes) or found.classes
            return found if said is None else _with_mask(found, said, classes)
        mask = _slice_mask([one for one in named if one.structure.kind in _KINDS], image.shape)
        return _with_classes(found, mask)

    return outlined


def _with_classes(found: Segmentation, mask: Mask) -> Segmentation:
    """Return a network's segmentation with the outlines of another program, and their classes."""
    own = {name: value for value, name in found.classes.items()}
    if not set(_MR_CLASSES.values()) <= own.keys():
        return _with_mask(found, mask, _MR_CLASSES)
    table = np.zeros(256, np.uint8)
    for value, name in _MR_CLASSES.items():
        table[value] = own[name]
    return _with_mask(found, table[mask], found.classes)


def needs_analysis(analysis: Analysis, found: Restored) -> bool:
    """Whether a slice has to be analysed anew, with the outlines of a segmentation.

    Its discs are graded, and its canal measured, by outlines that are not those of the network.

    Parameters
    ----------
    analysis : Analysis
    found : Restored
        Of its image.
    """
    kind, own = analysis.examination, without_corrections(analysis).segmentation
    if kind is None or kind.body_source is not BodySource.MASK or own is None:
        return False
    wanted = found.mask if found.program is None else program_mask(found.program, found.mask)
    return wanted is not None and not np.array_equal(own.mask, wanted)


def with_restored(analysis: Analysis, found: Restored) -> Analysis:
    """Return an analysis as a segmentation has it: its mask, its bodies, measures of these.

    Parameters
    ----------
    analysis : Analysis
        Of the same image.
    found : Restored
    """
    original = without_corrections(analysis)
    said = None if found.program is None else program_mask(found.program, found.mask)
    if found.program is not None and said is not None:
        original = as_said(original, found.program, said)
    corrected = apply_corrections(original, found.corrections)
    before = corrected.segmentation
    if before is None or np.array_equal(before.mask, found.mask):
        return corrected
    segmentation = _with_mask(before, found.mask, found.classes)
    regions = region_statistics(segmentation, corrected.image.pixel_area_mm2)
    if corrected.outlined_by is not None:
        regions = without_confidence(regions)
    return replace(corrected, segmentation=segmentation, regions=regions)


def _with_mask(before: Segmentation, mask: Mask, classes: Mapping[int, str]) -> Segmentation:
    """Return a segmentation with another mask.

    Pixels that change hands get the confidence that they had in not being what they were.
    """
    is_same = before.mask == mask
    confidence = np.where(is_same, before.confidence, 1 - before.confidence)
    return Segmentation(before.model, dict(classes), mask, confidence.astype(np.float32))


def _own(
    file: SegmentationFile, found: Sequence[FoundSegment], shape: tuple[int, int]
) -> tuple[OwnState, Mask, dict[int, str]] | None:
    """Return what this program wrote along, with mask and classes; None where pixels changed."""
    state = read_own_state(file.dataset)
    if state is None:
        return None
    mask, classes = _own_mask(found, state, shape)
    return (state, mask, classes) if mask_checksum(mask) == state.mask_sha256 else None


def program_mask(said: ProgramState, shown: Mask) -> Mask | None:
    """Return the program's own mask, (H, W); None where what was written of it is damaged.

    Parameters
    ----------
    said : ProgramState
    shown : ndarray of uint8, shape (H, W)
        The mask that was shown beside it.
    """
    return unpacked_mask(said.mask, shown.shape) if said.mask else shown


def _own_mask(
    found: Sequence[FoundSegment], state: OwnState, shape: tuple[int, int]
) -> tuple[Mask, dict[int, str]]:
    """Return the mask that was written: of each segment the class that it was a part of."""
    classes = _numbered(state.classes)
    values = {name: value for value, name in classes.items() if 0 < value < 256}
    mask = np.zeros(shape, np.uint8)
    for one in found:
        name = one.label if one.label in values else _class_of(one.structure, values)
        if name in values:
            mask[one.mask] = values[name]
    return mask, classes


def _numbered(classes: Mapping[str, str]) -> dict[int, str]:
    return {int(value): name for value, name in classes.items() if value.isdecimal()}


def _class_of(structure: Structure, known: Collection[str]) -> str:
    """Return the class that a named body, disc or canal was a part of."""
    if structure.kind is StructureKind.VERTEBRA:
        return next(iter(BODY_CLASSES.intersection(known)), VERTEBRA)
    return structure.kind.value


def _of_slice(analysis: Analysis, found: Sequence[FoundSegment]) -> Restored:
    """Return bodies of an MR slice: as from the program's own mask, with the names of segments."""
    image = analysis.image
    mask = _slice_mask(found, image.shape)
    column = bodies_from_mask(
        mask, _MR_CLASSES, np.ones(mask.shape, np.float32), image.pixels, image.pixel_aspect
    )
    side = column.facing or _side_of(analysis)
    bodies = column.vertebrae
    named = [one for one in found if one.structure.kind is StructureKind.VERTEBRA]
    if not bodies:
        bodies, side = bodies_of_masks(_drawn(named), image.pixel_aspect, side)
    bodies = _renamed(bodies, named)
    return Restored(mask, _MR_CLASSES, _corrections(analysis, bodies, side), is_own=False)


def _slice_mask(found: Sequence[FoundSegment], shape: tuple[int, int]) -> Mask:
    values = {name: value for value, name in _MR_CLASSES.items()}
    mask = np.zeros(shape, np.uint8)
    for one in found:
        mask[one.mask] = values[one.structure.kind.value]
    return mask


def _of_film(analysis: Analysis, found: Sequence[FoundSegment], file: SegmentationFile) -> Restored:
    """Return bodies of a film from their masks."""
    drawn = _drawn([one for one in found if one.structure.kind is StructureKind.VERTEBRA])
    if not drawn:
        raise DicomObjectError(file.path, DicomObjectProblem.NO_SPINE)
    image = analysis.image
    bodies, side = bodies_of_masks(drawn, image.pixel_aspect, _side_of(analysis))
    if not bodies:
        raise DicomObjectError(file.path, DicomObjectProblem.NO_SPINE)
    mask, classes = np.zeros(image.shape, np.uint8), {}
    for body in bodies:
        where = next(one.mask for one in drawn if _holds(one.mask, body))
        value = class_id(body.level, body.index)
        classes[value] = body.name
        mask[where] = value
    return Restored(mask, classes, _corrections(analysis, bodies, side), is_own=False)


def _used(analysis: Analysis, named: Sequence[FoundSegment]) -> list[FoundSegment]:
    """Return the segments that an analysis takes over: of a film the bodies alone."""
    kind = analysis.examination
    takes_all = kind is not None and kind.body_source is BodySource.MASK
    return [one for one in named if takes_all or one.structure.kind is StructureKind.VERTEBRA]


def _drawn(found: Sequence[FoundSegment]) -> list[DrawnMask]:
    """Return masks of bodies: of a segment without a level each connected part is one.

    Of several segments of one level the largest counts; where levels are known, what has none is
    left out.
    """
    by_level: dict[str, DrawnMask] = {}
    for one in found:
        level = one.structure.level
        if level in LEVEL_SEQUENCE:
            known = by_level.get(level)
            if known is None or one.mask.sum() > known.mask.sum():
                by_level[level] = DrawnMask(level, one.mask)
    if by_level:
        return list(by_level.values())
    return [DrawnMask(None, part) for one in found for part in _parts(one.mask)]


def _parts(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return [labels == number for number in range(1, count)]


def _holds(mask: NDArray[np.bool_], body: Vertebra) -> bool:
    """Whether a body was traced from a mask: the middle of its outline lies in or near it."""
    rows, cols = np.nonzero(mask)
    x, y = np.mean(body.outline, axis=0)
    return bool(cols.min() <= x <= cols.max() + 1 and rows.min() <= y <= rows.max() + 1)


def _renamed(bodies: Sequence[Vertebra], found: Sequence[FoundSegment]) -> tuple[Vertebra, ...]:
    """Return bodies with the levels of the segments that they lie in, where any has one."""
    if not any(one.structure.level for one in found):
        return tuple(bodies)
    taken: set[str] = set()
    kept = []
    for body in bodies:
        level = _level_at(body, found)
        if level is not None and level not in taken:
            taken.add(level)
            kept.append(replace(body, level=level))
        elif body.level == "S1" and "S1" not in taken:
            kept.append(body)  # the sacrum itself is seldom outlined; its endplate is L5/S1's
    return tuple(replace(body, index=i) for i, body in enumerate(kept, start=1))


def _level_at(body: Vertebra, found: Sequence[FoundSegment]) -> str | None:
    shares = {one.structure: _share_inside(body, one.mask) for one in found}
    best = max(shares, key=lambda structure: shares[structure], default=Structure(_KINDS[0]))
    return best.level if shares.get(best, 0.0) > 0 else None


def _share_inside(body: Vertebra, mask: NDArray[np.bool_]) -> float:
    inside = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(np.array(body.outline) - 0.5).astype(np.int32)], 1)
    return float(mask[inside > 0].mean()) if inside.any() else 0.0


def _side_of(analysis: Analysis) -> Facing | None:
    return None if analysis.facing is None else Facing(analysis.facing)


def _corrections(
    analysis: Analysis, bodies: Sequence[Vertebra], side: Facing | None
) -> Corrections:
    """Return the corrections of an analysis with other bodies; what a person drew stays."""
    before = analysis.corrections or analysis.uncorrected
    uncertain = any(body.level is None for body in bodies)
    return replace(before, vertebrae=tuple(bodies), facing=side, levels_uncertain=uncertain)
