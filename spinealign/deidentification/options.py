"""What a de-identification keeps beyond the basic profile, and the codes that say so in a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dates(StrEnum):
    """What becomes of dates and times."""

    REMOVED = "removed"
    SHIFTED = "shifted"
    FULL = "full"


class Pixels(StrEnum):
    """What becomes of pictures in which text may be burned in, as long as nobody looked."""

    CHECKED = "checked"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Options:
    """Options of PS3.15 Annex E beside the basic profile; none of them by default.

    The option Retain Safe Private is not offered: it needs a list of private attributes that are
    known to be safe, and private attributes are always removed. Overlays and curves are too,
    with or without `clean_graphics`, which is about presentation states.

    Parameters
    ----------
    dates : Dates
        SHIFTED moves all dates of a patient by the same number of days into the past.
    retain_uids, retain_patient, retain_device, retain_institution : bool
        What stays as it is; of ages over 89 only that they are.
    clean_descriptors : bool
        Descriptions stay, without what could name somebody; else they are removed.
    clean_structured : bool
        Structured reports keep codes, numbers and references; else they lose their content.
    clean_graphics : bool
        Presentation states keep drawings; else they lose them. Their labels are descriptions.
    pixels : Pixels
        UNCHECKED also passes on pictures in which text may be burned in.
    """

    dates: Dates = Dates.REMOVED
    retain_uids: bool = False
    retain_patient: bool = False
    retain_device: bool = False
    retain_institution: bool = False
    clean_descriptors: bool = False
    clean_structured: bool = False
    clean_graphics: bool = False
    pixels: Pixels = Pixels.CHECKED

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the table that hold."""
        chosen = {
            "uids": self.retain_uids,
            "device": self.retain_device,
            "institution": self.retain_institution,
            "patient": self.retain_patient,
            "full_dates": self.dates is Dates.FULL,
            "shifted_dates": self.dates is Dates.SHIFTED,
            "descriptors": self.clean_descriptors,
            "structured": self.clean_structured,
            "graphics": self.clean_graphics,
        }
        return tuple(name for name, holds in chosen.items() if holds)


BASIC_CODE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS_CODE = ("113101", "Clean Pixel Data Option")
_CODES = {
    "graphics": ("113103", "Clean Graphics Option"),
    "structured": ("113104", "Clean Structured Content Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shifted_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}


def method_codes(options: Options, *, pixels_cleaned: bool) -> tuple[tuple[str, str], ...]:
    """Return values and meanings of what was done (DCM, PS3.16 CID 7050), in the order of values.

    Parameters
    ----------
    options : Options
    pixels_cleaned : bool
        Whether a person looked at this file's pixels, and what was found is black.
    """
    codes = [BASIC_CODE, *(_CODES[column] for column in options.columns)]
    if pixels_cleaned:
        codes.append(CLEAN_PIXELS_CODE)
    return tuple(sorted(codes))
