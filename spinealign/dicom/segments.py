"""What an analysis outlined, as segments: each body, each disc, the canal, in image pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.dicom.anatomy import (
    CodedConcept,
    Structure,
    StructureKind,
    anatomy_code,
    structure_of_label,
)
from spinealign.domain.findings import (
    BY_HAND,
    BY_PERSON,
    Analysis,
    ModelIdentity,
    Vertebra,
)
from spinealign.domain.measurements import Point
from spinealign.domain.structures import BODY_CLASSES, DISC, SACRUM

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Segment:
    """One structure that was outlined.

    Parameters
    ----------
    key : str
        What it is tracked by: the name of the body or disc, else of its class.
    structure : Structure
    mask : ndarray of bool, shape (H, W)
        In pixels of `SpineImage`.
    is_by_person : bool
        Whether a person placed, moved or confirmed points of it, named it or put it there.
    """

    key: str
    structure: Structure
    mask: Mask
    is_by_person: bool = False

    @property
    def code(self) -> CodedConcept:
        """What it is."""
        return anatomy_code(*self.structure)


@dataclass(frozen=True)
class Algorithm:
    """What found something.

    Parameters
    ----------
    name, version : str
    parameters : tuple of str
        Such as the checksum of the network.
    """

    name: str
    version: str
    parameters: tuple[str, ...] = ()

    @property
    def tracking_name(self) -> str:
        """What tracking identifiers count as one algorithm."""
        return f"{self.name} {self.version}"


def algorithm_of(model: ModelIdentity | None, program_version: str) -> Algorithm:
    """Return what found something: a network by its card, else the program."""
    if model is None:
        return Algorithm("SpineAlign", program_version)
    return Algorithm(model.name, model.version, (f"sha256={model.sha256}", model.status.value))


def outlining_algorithm(analysis: Analysis) -> Algorithm:
    """Return what outlined and measured: of another program's outlines, this program measured."""
    whose, found = analysis.outlined_by, analysis.segmentation
    if whose is None:
        return algorithm_of(None if found is None else found.model, analysis.program_version)
    said = "; ".join(filter(None, (whose.maker, *whose.algorithms, *whose.kinds)))
    parameters = (f"outlines of another program={said}",)
    return Algorithm("SpineAlign", analysis.program_version, parameters)


def segments_of(analysis: Analysis) -> tuple[Segment, ...]:
    """Return what was outlined on an image, as it is shown: with a person's changes.

    Together the segments are the mask of the analysis, each of its pixels once.

    Returns
    -------
    tuple of Segment
        Bodies from the top, then discs from the top, then the rest; none without a pixel.
    """
    found = analysis.segmentation
    if found is None:
        return ()
    segments: list[Segment] = []
    for value, name in found.classes.items():
        where = found.mask == value
        if not where.any():
            continue
        if name in BODY_CLASSES and analysis.vertebrae:
            segments += _bodies(name, where, analysis)
        elif name == DISC and analysis.discs:
            segments += _discs(where, analysis)
        else:
            segments.append(_of_class(name, where, analysis))
    return tuple(sorted(segments, key=_rank))


def class_segments(
    masks: NDArray[np.uint8], classes: Mapping[int, str]
) -> tuple[tuple[str, Structure, Mask], ...]:
    """Return the classes of a volume's masks (S, H, W): name, what it is, where it is."""
    found = ((name, masks == value) for value, name in classes.items())
    return tuple((name, structure_named(name), where) for name, where in found if where.any())


def structure_named(name: str) -> Structure:
    """Return what a class of this program's networks, or the name of a body, stands for."""
    if name == SACRUM:
        return Structure(StructureKind.VERTEBRA, "S1")
    kinds = {one.value: one for one in StructureKind}
    if name in kinds:
        return Structure(kinds[name])
    if name.startswith("body "):
        return Structure(StructureKind.VERTEBRA)
    return structure_of_label(name)


def is_changed_by_person(body: Vertebra, analysis: Analysis) -> bool:
    """Whether a person stands for a body: its points, its name, or that it is there."""
    if body.state in BY_HAND or any(mark.source in BY_PERSON for mark in body.landmarks):
        return True
    own = (analysis.automatic or analysis).vertebrae
    return all((other.level, other.outline) != (body.level, body.outline) for other in own)


def _of_class(name: str, where: Mask, analysis: Analysis) -> Segment:
    body = next((one for one in analysis.vertebrae if one.name == name), None)
    if body is None:
        return Segment(name, structure_named(name), where)
    structure = Structure(StructureKind.VERTEBRA, body.level)
    return Segment(name, structure, where, is_changed_by_person(body, analysis))


def _bodies(name: str, where: Mask, analysis: Analysis) -> list[Segment]:
    """Return the bodies of a class; S1 is no part of it where the sacrum is a class of its own."""
    assert analysis.segmentation is not None
    is_sacrum_apart = SACRUM in analysis.segmentation.classes.values()
    bodies = [one for one in analysis.vertebrae if one.level != "S1" or not is_sacrum_apart]
    parts, rest = _parted(where, [body.outline for body in bodies])
    found = [
        Segment(
            body.name,
            Structure(StructureKind.VERTEBRA, body.level),
            part,
            is_changed_by_person(body, analysis),
        )
        for body, part in zip(bodies, parts, strict=True)
        if part.any()
    ]
    return [*found, *_rest(name, rest)]


def _discs(where: Mask, analysis: Analysis) -> list[Segment]:
    discs = analysis.discs
    parts, rest = _parted(where, [disc.outline for disc in discs])
    found = [
        Segment(disc.name, Structure(StructureKind.DISC, disc.level), part)
        for disc, part in zip(discs, parts, strict=True)
        if part.any()
    ]
    return [*found, *_rest(DISC, rest)]


def _rest(name: str, where: Mask) -> list[Segment]:
    return [Segment(name, structure_named(name), where)] if where.any() else []


def _parted(where: Mask, outlines: Sequence[Sequence[Point]]) -> tuple[list[Mask], Mask]:
    """Part a class among outlined pieces; a pixel goes to the piece of its part that is nearest.

    Returns
    -------
    parts : list of ndarray of bool, shape (H, W)
        One for each outline, without a pixel in common.
    rest : ndarray of bool, shape (H, W)
        Connected parts in which no piece was outlined.
    """
    owner = np.zeros(where.shape, np.int32)
    for number, outline in enumerate(outlines, start=1):
        if len(outline) > 2:
            inside = _filled(outline, where.shape)
            owner[inside & where & (owner == 0)] = number
    _, labels = cv2.connectedComponents(where.astype(np.uint8), connectivity=4)
    for label in np.unique(labels[(owner == 0) & where]).tolist():
        part = labels == label
        owner[part & (owner == 0)] = _nearest_owner(owner, part)[part & (owner == 0)]
    parts = [(owner == number) & where for number in range(1, len(outlines) + 1)]
    return parts, where & (owner == 0)


def _nearest_owner(owner: NDArray[np.int32], part: Mask) -> NDArray[np.int32]:
    """Return for each pixel the owner of the nearest owned pixel of a part; 0 without one."""
    owned = part & (owner > 0)
    if not owned.any():
        return np.zeros_like(owner)
    _, nearest = cv2.distanceTransformWithLabels(
        (~owned).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE,
        labelType=cv2.DIST_LABEL_PIXEL,
    )  # fmt: skip
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest[owned]] = owner[owned]
    return np.asarray(table[nearest], np.int32)


def _filled(outline: Sequence[Point], shape: tuple[int, int]) -> Mask:
    inside = np.zeros(shape, np.uint8)
    corners = np.round((np.array(outline, np.float64) - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(inside, [corners], 1, cv2.LINE_8, 4)
    return inside > 0


_ORDER = {
    StructureKind.VERTEBRA: 0,
    StructureKind.DISC: 1,
    StructureKind.CANAL: 2,
    StructureKind.OTHER: 3,
}


def _rank(segment: Segment) -> tuple[int, bool, float]:
    rows = np.nonzero(segment.mask.any(axis=1))[0]
    is_rest = segment.key in {*BODY_CLASSES, DISC}
    return _ORDER[segment.structure.kind], is_rest, float(rows.mean())
