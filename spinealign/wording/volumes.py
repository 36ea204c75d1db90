"""Segmented series in words: which slice is in the middle, and how large structures are."""

from __future__ import annotations

from spinealign.domain.study import SegmentedVolume, StructureVolume
from spinealign.wording.reading import note_text
from spinealign.wording.text import display_name, safe_text

SPACING_MISSING = (
    "The spacing of pixels or slices is unknown, or slices are missing: volumes are given in "
    "voxels only."
)
SUM_OF_SLICES = (
    "Volumes are sums over slices, each reaching half way to its neighbours; parts of structures "
    "outside the slices are not counted."
)


def structure_text(structure: StructureVolume) -> str:
    """Return a structure with its volume: "disc: 61.3 ml (45,210 voxels)"."""
    voxels = f"{structure.voxels:,} voxels"
    if structure.millilitres is None:
        return f"{safe_text(structure.name)}: {voxels}"
    return f"{safe_text(structure.name)}: {structure.millilitres:.1f} ml ({voxels})"


def volume_lines(found: SegmentedVolume) -> tuple[str, ...]:
    """Return what was found in a series, a line each."""
    count = len(found.volume)
    name = display_name(found.volume.middle.source_path)
    is_measured = any(structure.millilitres is not None for structure in found.structures)
    return (
        f"{name}: {count} sagittal slices segmented; the spinal canal is widest in slice "
        f"{found.mid_index + 1}.",
        *(f"    {structure_text(structure)}" for structure in found.structures),
        f"    note: {SUM_OF_SLICES if is_measured else SPACING_MISSING}",
        *(f"    note: {note_text(note)}" for note in found.volume.notes),
    )
