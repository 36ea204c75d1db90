"""Kinds of examination that can be analysed: one table, from which everything else follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

Task = Literal[
    "classification", "multi_label", "ordinal", "segmentation", "view", "disc_grading", "landmarks"
]  # fmt: skip
"""What a network does; "view" tells kinds of image apart, "landmarks" are a user's named points."""

CERVICAL_LEVELS = tuple(f"C{number}" for number in range(1, 8))
THORACIC_LEVELS = tuple(f"T{number}" for number in range(1, 13))
LUMBAR_LEVELS = tuple(f"L{number}" for number in range(1, 6))
LEVEL_SEQUENCE = (*CERVICAL_LEVELS, *THORACIC_LEVELS, *LUMBAR_LEVELS, "S1")
"""Names of vertebrae from the top."""


class Modality(StrEnum):
    """How a picture was taken."""

    RADIOGRAPH = "radiograph"
    CT = "ct"
    MR = "mr"


class Plane(StrEnum):
    """Anatomical plane of a slice; of a radiograph, the plane that the detector lies in."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"


class SpineRegion(StrEnum):
    """Part of the spine."""

    CERVICAL = "cervical"
    THORACIC = "thoracic"
    LUMBAR = "lumbar"
    SACRAL = "sacral"


REGION_OF_LETTER: Mapping[str, SpineRegion] = MappingProxyType(
    {
        "C": SpineRegion.CERVICAL,
        "T": SpineRegion.THORACIC,
        "L": SpineRegion.LUMBAR,
        "S": SpineRegion.SACRAL,
    }
)
"""Where a vertebra lies, by the letter its level begins with."""


class BodySource(StrEnum):
    """From what the vertebral bodies of an image are outlined and named."""

    CORNER_MAPS = "corner_maps"
    MASK = "mask"


class ImageKind(StrEnum):
    """What an image shows, as far as the gate tells kinds apart.

    Each kind of examination has one; the others are refused. The values are the class
    names of the gate's model card.
    """

    LATERAL_FILM = "lateral_film"
    LATERAL_WHOLE_SPINE = "lateral_whole_spine"
    OTHER_RADIOGRAPH = "other_radiograph"
    FRONTAL_FILM = "frontal_film"
    OBLIQUE_FILM = "oblique_film"
    NECK_CT = "neck_ct"
    OTHER_CT = "other_ct"
    SPINE_MR = "spine_mr"
    OTHER_MR = "other_mr"
    NONE_OF_THESE = "none"

    @property
    def examination(self) -> Examination | None:
        """The examination of which an image of this kind is analysed; None if it is refused."""
        return next((e for e in EXAMINATIONS.values() if e.image_kind is self), None)


OTHER_KINDS: Mapping[Modality, ImageKind] = {
    Modality.RADIOGRAPH: ImageKind.OTHER_RADIOGRAPH,
    Modality.CT: ImageKind.OTHER_CT,
    Modality.MR: ImageKind.OTHER_MR,
}
"""Images of a modality that belong to no kind of examination."""

PROJECTIONS_TOLD: Mapping[ImageKind, Modality] = {
    ImageKind.FRONTAL_FILM: Modality.RADIOGRAPH,
    ImageKind.OBLIQUE_FILM: Modality.RADIOGRAPH,
}
"""Images of the spine in a projection that is told by name."""


def formerly_alone() -> Mapping[ImageKind, Examination]:
    """Return the kinds that had no examination in former versions, and which they have now.

    Cards and command lines of these versions name the kind of image.
    """
    return {kind: kind.examination for kind in PROJECTIONS_TOLD if kind.examination}


def refused_kinds(modality: Modality) -> frozenset[ImageKind]:
    """Return the kinds of image of a modality that are told apart and not analysed."""
    told = {kind for kind, of in PROJECTIONS_TOLD.items() if of is modality}
    return frozenset({OTHER_KINDS[modality], *(kind for kind in told if not kind.examination)})


def kinds_of(modality: Modality) -> frozenset[ImageKind]:
    """Return the kinds of image of a modality, analysed or not."""
    own = (e.image_kind for e in EXAMINATIONS.values() if e.modality is modality)
    return frozenset({*own, *refused_kinds(modality)})


def kinds_without_analysis() -> tuple[ImageKind, ...]:
    """Return the kinds of image that are told apart and belong to no kind of examination."""
    return tuple(
        kind for kind in ImageKind if kind is not ImageKind.NONE_OF_THESE and not kind.examination
    )


class ExaminationKind(StrEnum):
    """Names of the kinds of examination in files: results, model cards, corrections."""

    LATERAL_NECK_RADIOGRAPH = "lateral_cervical_radiograph"
    NECK_CT_SLICE = "cervical_ct_slice"
    SAGITTAL_SPINE_MR = "sagittal_spine_mr"
    LATERAL_SPINE_RADIOGRAPH = "lateral_spine_radiograph"
    FRONTAL_SPINE_RADIOGRAPH = "frontal_spine_radiograph"

    @property
    def examination(self) -> Examination:
        """The entry of `EXAMINATIONS`."""
        return EXAMINATIONS[self]


ALONE_TASKS: frozenset[Task] = frozenset({"classification", "multi_label", "ordinal", "landmarks"})
"""Tasks of which a model is asked alone of images that no examination is of, where a person wants
it: nothing is outlined or measured there."""


@dataclass(frozen=True)
class Examination:
    """What one kind of examination is, and what is done with its images.

    Parameters
    ----------
    kind : ExaminationKind
    key : str
        Short name on the command line.
    modality : Modality
    plane : Plane
    regions : frozenset of SpineRegion
        Parts of the spine that may be seen.
    image_kind : ImageKind
        The gate's class.
    former_name : str
        Name in files of program versions that knew one kind a modality; empty for newer kinds.
    levels : tuple of str
        Vertebrae that can be named, from the top; empty where bodies are not told apart.
    body_source : BodySource or None
        None where bodies are not told apart.
    body_region : SpineRegion or None
        Where bodies lie whose levels are uncertain: it decides their measures.
    tasks : frozenset of Task
        Networks that are used where they are installed.
    assumed_projection : bool
        Whether a radiograph of the region without a stated projection is taken for this kind.
    shows_all_regions : bool
        Whether an image of this kind shows all of `regions`: tags that name only some of them
        are of other kinds, and measures of all of them are listed.
    """

    kind: ExaminationKind
    key: str
    modality: Modality
    plane: Plane
    regions: frozenset[SpineRegion]
    image_kind: ImageKind
    former_name: str = ""
    levels: tuple[str, ...] = ()
    body_source: BodySource | None = None
    body_region: SpineRegion | None = None
    tasks: frozenset[Task] = field(default_factory=lambda: frozenset(_IMAGE_TASKS))
    assumed_projection: bool = False
    shows_all_regions: bool = False

    @property
    def view_name(self) -> str:
        """Name under the key "view" of result and corrections files."""
        return self.former_name or self.kind.value

    @property
    def grades_discs(self) -> bool:
        """Whether intervertebral discs are graded."""
        return "disc_grading" in self.tasks

    @property
    def is_slice(self) -> bool:
        """Whether the image is one slice of a volume."""
        return self.modality is not Modality.RADIOGRAPH

    @property
    def is_sagittal_slice(self) -> bool:
        """Whether the image is a slice that a series of sagittal slices offers."""
        return self.is_slice and self.plane is Plane.SAGITTAL

    @property
    def has_upright(self) -> bool:
        """Whether the head lies in the plane, so that a picture can stand upside down."""
        return self.plane is not Plane.AXIAL

    @property
    def shows_hips(self) -> bool:
        """Whether the femoral heads are projected beside the sacrum."""
        return self.shows_all_regions and self.plane is Plane.SAGITTAL and not self.is_slice

    @property
    def is_frontal_film(self) -> bool:
        """Whether the patient was X-rayed from the front or the back."""
        return self.plane is Plane.CORONAL and not self.is_slice


_IMAGE_TASKS: tuple[Task, ...] = (
    "classification", "multi_label", "ordinal", "segmentation", "landmarks",
)  # fmt: skip
PICTURE_TASKS: tuple[Task, ...] = ("classification", "multi_label", "ordinal")
"""Those that give one answer for a whole picture."""

_SPINE = frozenset(SpineRegion)

EXAMINATIONS: Mapping[ExaminationKind, Examination] = {
    examination.kind: examination
    for examination in (
        Examination(
            ExaminationKind.LATERAL_NECK_RADIOGRAPH,
            "lateral-neck",
            Modality.RADIOGRAPH,
            Plane.SAGITTAL,
            frozenset({SpineRegion.CERVICAL}),
            ImageKind.LATERAL_FILM,
            former_name="xray",
            levels=(*CERVICAL_LEVELS[1:], "T1"),
            body_source=BodySource.CORNER_MAPS,
            body_region=SpineRegion.CERVICAL,
            assumed_projection=True,
        ),
        Examination(
            ExaminationKind.NECK_CT_SLICE,
            "neck-ct",
            Modality.CT,
            Plane.AXIAL,
            frozenset({SpineRegion.CERVICAL}),
            ImageKind.NECK_CT,
            former_name="ct",
        ),
        Examination(
            ExaminationKind.SAGITTAL_SPINE_MR,
            "spine-mr",
            Modality.MR,
            Plane.SAGITTAL,
            _SPINE,
            ImageKind.SPINE_MR,
            former_name="mr",
            levels=(*THORACIC_LEVELS, *LUMBAR_LEVELS, "S1"),
            body_source=BodySource.MASK,
            body_region=SpineRegion.LUMBAR,
            tasks=frozenset({*_IMAGE_TASKS, "disc_grading"}),
        ),
        Examination(
            ExaminationKind.LATERAL_SPINE_RADIOGRAPH,
            "lateral-spine",
            Modality.RADIOGRAPH,
            Plane.SAGITTAL,
            _SPINE,
            ImageKind.LATERAL_WHOLE_SPINE,
            levels=LEVEL_SEQUENCE[1:],
            body_source=BodySource.CORNER_MAPS,
            body_region=SpineRegion.THORACIC,
            tasks=frozenset({"segmentation", "landmarks"}),
            shows_all_regions=True,
        ),
        Examination(
            ExaminationKind.FRONTAL_SPINE_RADIOGRAPH,
            "frontal-spine",
            Modality.RADIOGRAPH,
            Plane.CORONAL,
            frozenset({SpineRegion.THORACIC, SpineRegion.LUMBAR, SpineRegion.SACRAL}),
            ImageKind.FRONTAL_FILM,
            levels=(*THORACIC_LEVELS, *LUMBAR_LEVELS),
            body_source=BodySource.CORNER_MAPS,
            body_region=SpineRegion.THORACIC,
        ),
    )
}
"""Every kind of examination, in the order in which they are offered."""


def are_among(
    shown: Examination | ImageKind | None,
    examinations: Collection[ExaminationKind],
    image_kinds: Collection[ImageKind],
) -> bool:
    """Whether images of an examination, or of a kind that none is of, are among some kinds.

    None asks for all images, which no kind at all stands for.
    """
    if shown is None:
        return not examinations and not image_kinds
    if isinstance(shown, ImageKind):
        return shown in image_kinds
    return shown.kind in examinations


def examination_named(name: str) -> Examination:
    """Return the examination of a kind, a command line key, or a name of former versions.

    Raises
    ------
    ValueError
        No examination has that name.
    """
    for examination in EXAMINATIONS.values():
        if name and name in (examination.kind, examination.key, examination.former_name):
            return examination
    raise ValueError(f"{name!r} is no kind of examination")


def image_type_named(name: str) -> Examination | ImageKind:
    """Return the examination of a name, or the kind of image that no examination is of.

    Raises
    ------
    ValueError
        It is neither.
    """
    alone = {kind.value: kind for kind in kinds_without_analysis()}
    if name in alone:
        return alone[name]
    former = {kind.value: examination for kind, examination in formerly_alone().items()}
    return former[name] if name in former else examination_named(name)


def sagittal_examinations(
    possible: Iterable[Examination] | None,
) -> tuple[Examination, ...]:
    """Return those whose images are sagittal slices; of all kinds where the tags do not say."""
    offered = EXAMINATIONS.values() if possible is None else possible
    return tuple(each for each in offered if each.is_sagittal_slice)


def sagittal_examination(
    possible: Iterable[Examination] | None, chosen: Examination | None
) -> Examination:
    """Return the examination as which a series of sagittal slices is segmented.

    Parameters
    ----------
    possible : iterable of Examination or None
        What the tags allow, at least one with sagittal slices; None where they do not say.
    chosen : Examination or None
        What one of the slices was analysed as. A person may have chosen another kind for
        it, such as a radiograph: then the first possible kind counts.
    """
    if chosen is not None and chosen.is_sagittal_slice:
        return chosen
    return sagittal_examinations(possible)[0]


def examinations_of(
    modality: Modality | None, planes: Iterable[Plane] = tuple(Plane)
) -> tuple[Examination, ...]:
    """Return the examinations of a modality whose images lie in one of some planes."""
    found = EXAMINATIONS.values()
    return tuple(e for e in found if e.modality is modality and e.plane in planes)
