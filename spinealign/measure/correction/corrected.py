"""Recomputes an analysis after manual correction; automatic values are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spinealign.domain.findings import (
    BY_HAND,
    BY_PERSON,
    COUNT_CAUTIONS,
    FRONTAL_CORNERS,
    TAKEN_OVER,
    UNSURE,
    Analysis,
    Caution,
    CorrectionKind,
    Corrections,
    Landmark,
    LandmarkName,
    LandmarkSource,
    LevelUncertainty,
    Region,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.height_loss import height_loss_cautions
from spinealign.domain.image import NoteKind, SpacingSource, SpineImage
from spinealign.domain.measurements import (
    Calibration,
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.presentation import Presentation
from spinealign.measure.alignment import measure_alignment, posture_cautions
from spinealign.measure.correction.repainting import mask_shape, repainted
from spinealign.measure.geometry.drawings import HAND_SIGMA_PX, measure_drawings
from spinealign.measure.geometry.facing import facing_cautions
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.uncertainty import landmark_sigma_px
from spinealign.measure.outlines.body_places import counterparts, typical_body_height
from spinealign.measure.outlines.canal import canal_of, narrowing_cautions
from spinealign.measure.outlines.column_limits import breaches, level_steps
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.disc_levels import disc_cautions, named_by_bodies
from spinealign.measure.outlines.regions import region_statistics
from spinealign.measure.outlines.suggestions import open_suggestions, suggestion_cautions

_LENGTH_UNITS = ("px", "mm")
_SAME = 1e-9


def initial_corrections(analysis: Analysis) -> Corrections:
    """Return the state in which nothing is corrected: what the program itself found."""
    return analysis.uncorrected


def apply_corrections(analysis: Analysis, corrections: Corrections) -> Analysis:
    """Return an analysis as a person wants it.

    Bodies, facing, levels, spacing, measurements, mask, regions and cautions are the
    corrected ones; `automatic` keeps the program's own. The mask follows bodies that
    were renamed, deleted or added, and not a moved corner of a body that the program
    outlined.

    Parameters
    ----------
    analysis : Analysis
        As the program made it, or as an earlier call returned it: the answer is the
        same, and from an earlier one faster, since its mask is used again where it fits.
    corrections : Corrections
        The whole wanted state.

    Returns
    -------
    Analysis
        The program's own, with `corrections` None, where nothing differs from it.
    """
    original = without_corrections(analysis)
    if corrections == initial_corrections(original):
        return original
    shown = replace(original.image, presentation=corrections.presentation)
    image = _calibrated(shown, corrections.calibration)
    segmented = _with_segmentation(original, analysis, corrections, image)
    measurements = _measured(original, analysis, corrections, image)
    is_same_facing = corrections.facing == original.facing
    return replace(
        segmented,
        image=image,
        vertebrae=corrections.vertebrae,
        facing=corrections.facing,
        facing_confidence=original.facing_confidence if is_same_facing else None,
        levels_uncertain=corrections.levels_uncertain,
        suggestions=open_suggestions(original.suggestions, corrections.vertebrae),
        removed=_deleted(original, corrections),
        discs=named_by_bodies(original.discs, corrections.vertebrae),
        measurements=measurements,
        corrections=corrections,
        automatic=original,
        cautions=(
            *_cautions(original, corrections),
            *posture_cautions(measurements, is_bent=is_bent(original.image, corrections)),
            *height_loss_cautions(measurements),
            *narrowing_cautions(measurements),
        ),
    )


def without_corrections(analysis: Analysis) -> Analysis:
    """Return an analysis as the program made it."""
    return analysis.automatic or analysis


_OF_THE_FILE_S_SPACING = frozenset(
    {NoteKind.CALIBRATED, NoteKind.DEMAGNIFIED, NoteKind.UNIT_ASSUMED, NoteKind.SPACING_CONFLICT}
)
"""Notes on how the file states its spacing, which a person's calibration replaces."""


def _calibrated(image: SpineImage, calibration: Calibration | None) -> SpineImage:
    if calibration is None:
        return image
    notes = tuple(note for note in image.notes if note.kind not in _OF_THE_FILE_S_SPACING)
    return replace(
        image,
        spacing_mm=calibration.spacing_mm,
        spacing_source=SpacingSource.USER,
        notes=notes,
    )


def _with_segmentation(
    original: Analysis, earlier: Analysis, wanted: Corrections, image: SpineImage
) -> Analysis:
    """Return the original with the mask and the regions that the wanted bodies need."""
    found = original.segmentation
    if found is None:
        return original
    own = original.vertebrae
    shape = mask_shape(wanted.vertebrae, own)
    segmentation, regions = found, original.regions
    if shape == mask_shape(earlier.vertebrae, own):
        segmentation, regions = earlier.segmentation or found, earlier.regions
    elif shape != mask_shape(own, own):
        segmentation = repainted(found, own, wanted.vertebrae)
        regions = region_statistics(segmentation, image.pixel_area_mm2)
    regions = _with_areas(regions, image.pixel_area_mm2)
    if wanted.outlined_by is not None:
        regions = without_confidence(regions)
    return replace(original, segmentation=segmentation, regions=regions)


def without_confidence(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Return regions of outlines of which the program's network knows nothing."""
    return tuple(replace(region, mean_confidence=None) for region in regions)


def _with_areas(regions: Sequence[Region], pixel_area_mm2: float | None) -> tuple[Region, ...]:
    if pixel_area_mm2 is None:
        return tuple(replace(region, area_mm2=None) for region in regions)
    return tuple(replace(region, area_mm2=region.pixels * pixel_area_mm2) for region in regions)


def _measured(
    original: Analysis, earlier: Analysis, wanted: Corrections, image: SpineImage
) -> tuple[Measurement, ...]:
    """Return the measures of the wanted bodies, told apart from the program's, and the drawings."""
    sigma_px = _hand_sigma_px(wanted)
    drawn = measure_drawings(wanted.drawings, PixelGeometry.of(image), sigma_px, image)
    plain = _with_heads_only(wanted)
    if plain == _with_heads_only(initial_corrections(original)):
        return (*original.measurements, *drawn)
    if earlier.corrections is not None and plain == _with_heads_only(earlier.corrections):
        kept = tuple(m for m in earlier.measurements if m.state is not MeasureState.DRAWN)
        return (*kept, *drawn)
    geometry, canal = PixelGeometry.of(image), canal_of(original.segmentation)
    named = [body for body in wanted.vertebrae if not body.is_name_open]
    taken = measure_alignment(
        named, wanted.facing, geometry, original.examination, canal, plain.drawings,
        rule=original.interval_rule, age_years=image.patient_age_years,
        is_bent=is_bent(original.image, wanted), picture_rows=image.shape[0],
    )  # fmt: skip
    removed = _deleted(original, wanted)
    open_ = [body.name for body in wanted.vertebrae if body.is_name_open]
    taken = tuple(_with_cause(measurement, removed, open_) for measurement in taken)
    own = {measurement.key: measurement for measurement in original.measurements}
    names = _program_names(original.vertebrae, wanted.vertebrae)
    factor = _length_factor(original.image, image)
    beside = (_beside_automatic(m, own.get(_program_key(m, names)), factor) for m in taken)
    return (*beside, *drawn)


def _program_names(own: Sequence[Vertebra], wanted: Sequence[Vertebra]) -> dict[str, str]:
    """Return what the program called the body that a person calls so."""
    same = counterparts(wanted, own)
    return {body.name: same[body.index].name for body in wanted if body.index in same}


def _program_key(measurement: Measurement, names: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return under which levels the program has a measure: of a disc or body those of its place.

    A curvature is between the levels in its title, whichever bodies these are.
    """
    code, levels = measurement.key
    if not measurement.definition.extent.has_one_level:
        return code, levels
    return code, tuple(names.get(level, level) for level in levels)


def removed_levels(own: Sequence[Vertebra], wanted: Sequence[Vertebra]) -> tuple[str, ...]:
    """Return levels of the program's bodies that a person deleted and put nothing in place of."""
    kept = counterparts(wanted, own).values()
    present = {body.level for body in wanted}
    gone = [body for body in own if all(body is not other for other in kept)]
    return tuple(body.level for body in gone if body.level and body.level not in present)


def _deleted(original: Analysis, wanted: Corrections) -> tuple[str, ...]:
    """Return levels that a person deleted: what another program did not outline is none of them."""
    if wanted.outlined_by is not None:
        return ()
    return removed_levels(original.vertebrae, wanted.vertebrae)


def _with_cause(
    measurement: Measurement, removed: Sequence[str], open_: Sequence[str]
) -> Measurement:
    """Tell bodies that a person deleted, or whose names are open, from those not found."""
    why = measurement.unmeasurable
    if why is None or why.reason is not UnmeasurableReason.NOT_OUTLINED:
        return measurement
    absent = tuple(name for name in why.bodies if name not in (*removed, *open_))
    unconfirmed = tuple(name for name in why.bodies if name in open_)
    told = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, absent)
    if not absent and unconfirmed:
        told = Unmeasurable(UnmeasurableReason.NAME_UNCONFIRMED, unconfirmed)
    elif not absent:
        told = Unmeasurable(UnmeasurableReason.REMOVED, why.bodies)
    return replace(measurement, unmeasurable=told)


def _with_heads_only(wanted: Corrections) -> Corrections:
    """Return corrections with that only which measures of the spine depend on."""
    kept = (d for d in wanted.drawings if d.tool.is_of_spine)
    stands = Presentation(upright_deg=wanted.presentation.upright_deg)
    return replace(wanted, drawings=tuple(kept), examination_date=None, presentation=stands)


def is_bent(image: SpineImage, wanted: Corrections | None) -> bool:
    """Whether a film is taken in flexion or extension: a person's word before the file's."""
    said = None if wanted is None else wanted.is_bent
    return image.is_bent if said is None else said


def _hand_sigma_px(wanted: Corrections) -> float:
    height = typical_body_height(wanted.vertebrae)
    if not height:
        return HAND_SIGMA_PX
    mark = Landmark(LandmarkName.ANTERIOR_SUPERIOR, 0.0, 0.0, 1.0, LandmarkSource.USER)
    return landmark_sigma_px(mark, height)


def _length_factor(before: SpineImage, after: SpineImage) -> float:
    """Return what a length grows by; a calibration keeps the shape of pixels."""
    if after.spacing_mm is None:
        return 1.0
    return after.spacing_mm[0] / (before.spacing_mm[0] if before.spacing_mm is not None else 1.0)


def _beside_automatic(
    measurement: Measurement, own: Measurement | None, factor: float
) -> Measurement:
    """Return a measurement with its state and the value that the program had, in its unit."""
    value = measurement.value
    before = own.value if own is not None else None
    if before is not None and measurement.unit in _LENGTH_UNITS:
        before *= factor
    is_by_hand = any(point.source in BY_PERSON for point in measurement.points)
    state = MeasureState.EDITED
    if not is_by_hand and _is_same(value, before):
        state, before = MeasureState.AUTOMATIC, value
    return replace(measurement, state=state, automatic_value=before)


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=_SAME)


def _cautions(original: Analysis, wanted: Corrections) -> tuple[Caution, ...]:
    """Return the cautions that hold after the corrections, the new one first."""
    kinds = correction_kinds(original, wanted)
    kept = [c for c in original.cautions if _still_holds(c, wanted)]
    if CorrectionKind.LEVELS_RENAMED in kinds:
        counted = {*COUNT_CAUTIONS, WarningCode.LUMBAR_COUNT_DOUBTFUL}
        kept = [caution for caution in kept if caution.code not in counted]
    doubts = [c for c in original.cautions if c.code is WarningCode.LEVELS_UNCERTAIN]
    followed = []
    if wanted.levels_uncertain:
        followed += doubts or [Caution(WarningCode.LEVELS_UNCERTAIN, doubt=LevelUncertainty.NO_C2)]
    followed += facing_cautions(original.image, wanted.facing if wanted.vertebrae else None)
    followed += _body_cautions(wanted.vertebrae, original.image.pixel_aspect)
    followed += suggestion_cautions(open_suggestions(original.suggestions, wanted.vertebrae))
    followed += disc_cautions(named_by_bodies(original.discs, wanted.vertebrae))
    if kinds:
        followed.append(Caution(WarningCode.CORRECTED_BY_USER, corrections=kinds))
    return (*kept, *followed)


def _still_holds(caution: Caution, wanted: Corrections) -> bool:
    match caution.code:
        case WarningCode.FACING_UNCERTAIN:
            return wanted.facing is None
        case WarningCode.NO_SPACING | WarningCode.MAGNIFIED_SPACING:
            return wanted.calibration is None
        case WarningCode.READER_NOTE:
            is_of_spacing = caution.note is not None and caution.note.kind in _OF_THE_FILE_S_SPACING
            return wanted.calibration is None or not is_of_spacing
        case WarningCode.NOTHING_SEGMENTED | WarningCode.NO_COLUMN | WarningCode.NOT_OUTLINED:
            return not wanted.vertebrae
        case (
            WarningCode.LEVELS_UNCERTAIN
            | WarningCode.FACING_DISPUTED
            | WarningCode.BODY_CUT
            | WarningCode.BODY_HIDDEN
            | WarningCode.BODIES_SUGGESTED
            | WarningCode.NAMES_UNCONFIRMED
            | WarningCode.ACCEPTED_IMPLAUSIBLE
            | WarningCode.ENDPLATE_FROM_DISC
            | WarningCode.DISC_INFERRED
            | WarningCode.DISC_COUNT_UNCERTAIN
            | WarningCode.HEIGHT_LOSS
            | WarningCode.SEVERE_NARROWING
            | WarningCode.BENT_FILM
        ):
            return False
    return True


def _body_cautions(bodies: Sequence[Vertebra], pixel_aspect: float) -> list[Caution]:
    """Tell which bodies are cut or unsure; an unsure one that was gone over is no worry."""
    cut = [body.name for body in bodies if body.state is VertebraState.CUT]
    hidden = [
        body.name
        for body in bodies
        if body.state in UNSURE and not all(mark.source in BY_PERSON for mark in _corners(body))
    ]
    endplates = [body.name for body in bodies if body.state is VertebraState.ENDPLATE]
    open_ = [body.name for body in bodies if body.is_name_open]
    pairs = (
        (WarningCode.BODY_CUT, cut),
        (WarningCode.BODY_HIDDEN, hidden),
        (WarningCode.ENDPLATE_FROM_DISC, endplates),
        (WarningCode.NAMES_UNCONFIRMED, open_),
        (WarningCode.ACCEPTED_IMPLAUSIBLE, _implausible_names(bodies, pixel_aspect)),
    )
    return [Caution(code, levels=tuple(names)) for code, names in pairs if names]


def _implausible_names(bodies: Sequence[Vertebra], pixel_aspect: float) -> list[str]:
    """Return accepted bodies that cannot be neighbours of the others."""
    if not any(body.state in TAKEN_OVER for body in bodies):
        return []
    found = breaches(bodies, level_steps(bodies, pixel_aspect), pixel_aspect)
    places = {place for breach in found for place in breach.places}
    return [b.name for i, b in enumerate(bodies) if i in places and b.state in TAKEN_OVER]


def _corners(body: Vertebra) -> list[Landmark]:
    return [mark for mark in body.landmarks if mark.name in (*CORNERS, *FRONTAL_CORNERS)]


def correction_kinds(original: Analysis, wanted: Corrections) -> tuple[CorrectionKind, ...]:
    """Return what was changed of the program's own result; drawings change nothing of it."""
    kept = [body for body in wanted.vertebrae if body.state not in BY_HAND]
    found = counterparts(kept, original.vertebrae)
    pairs = [(found[body.index], body) for body in kept if body.index in found]
    accepted = [body for body in wanted.vertebrae if body.state in TAKEN_OVER]
    changed = {
        CorrectionKind.POINTS_MOVED: any(_places(a) != _places(b) for a, b in pairs),
        CorrectionKind.POINTS_CONFIRMED: any(map(_is_confirmed, wanted.vertebrae)),
        CorrectionKind.BODIES_ADDED: len(pairs) + len(accepted) < len(wanted.vertebrae),
        CorrectionKind.SUGGESTIONS_ACCEPTED: bool(accepted),
        CorrectionKind.BODIES_DELETED: len(pairs) < len(original.vertebrae),
        CorrectionKind.LEVELS_RENAMED: any(a.level != b.level for a, b in pairs),
        CorrectionKind.FACING_CHANGED: wanted.facing != original.facing,
        CorrectionKind.CALIBRATED: wanted.calibration is not None,
    }
    return tuple(kind for kind, is_changed in changed.items() if is_changed)


def _is_confirmed(body: Vertebra) -> bool:
    return any(mark.source is LandmarkSource.CONFIRMED for mark in body.landmarks)


def _places(body: Vertebra) -> set[tuple[float, float]]:
    return {(mark.x, mark.y) for mark in body.landmarks}
