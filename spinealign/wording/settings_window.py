"""Words of the settings: what each is called, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from spinealign.domain.measurements import LengthUnit
from spinealign.domain.report_details import PaperSize, ReportPart
from spinealign.wording.failures import Message


@dataclass(frozen=True)
class SettingWords:
    """What a setting is called, and, where that does not say all, what it does."""

    label: str
    note: str = ""


OVERLAY_IS_OFF = (
    "Measures, names and outlines are drawn only while “Show what was found” is on (O)."
)

LOCK_IS_ADMINISTERED = "Only an administrator changes after how many minutes SpineAlign locks."

SETTING_WORDS: Mapping[str, SettingWords] = MappingProxyType(
    {
        "theme": SettingWords("&Colours"),
        "asks_password_to_sign": SettingWords(
            "Signing asks for the pass&word again",
            "Only with accounts, whose full name stands under the signature then.",
        ),
        "lock_after_minutes": SettingWords(
            "&Lock after so many minutes without mouse and keys",
            "Only with accounts, by an administrator. From 1 to 120 minutes.",
        ),
        "analyses_at_once": SettingWords(
            "&Analyse images as soon as they are opened",
            "Without it they are shown, and analysed when you press F5 or Analyse.",
        ),
        "wheel_leafs": SettingWords(
            "The &wheel leafs through a series",
            "And zooms with Ctrl. Without it the wheel zooms, and leafs with Ctrl or Shift.",
        ),
        "show_overlay": SettingWords("Show what was &found"),
        "overlay_style": SettingWords("Structures as"),
        "overlay_opacity": SettingWords("O&pacity", "Of filled structures and of the heat map."),
        "show_heatmap": SettingWords("Show the &heat map", "Where a classifier made one."),
        "show_reference_lines": SettingWords(
            "Show where slices of other open series &cut this one",
        ),
        "show_measures": SettingWords("Show the &measures that are ticked"),
        "shown_measures": SettingWords(
            "&Measures drawn on the picture",
            "The table beside the picture always lists all; a tick there counts for one level.",
        ),
        "drawn_lengths": SettingWords(
            "&Lengths drawn by hand",
            "Without a scale they are in pixels. Angles are in degrees. Reports keep millimetres.",
        ),
        "reader_name": SettingWords("Your &name", "Stands under what you sign."),
        "phrases": SettingWords("&Phrases…", "Texts that keys stand for in an impression."),
        "institution_name": SettingWords("&Institution"),
        "institution_address": SettingWords("A&ddress"),
        "logo": SettingWords("Logo"),
        "paper": SettingWords("&Paper"),
        "left_out_parts": SettingWords(
            "A report holds, beside status, impression, findings and cautions:",
            "The report says what was left out. Discs and measures then stand in the technical "
            "annex; the picture can be saved by itself.",
        ),
        "dicom_uid_root": SettingWords(
            "&Root of DICOM identifiers",
            "The numbers that were registered for your institution, such as 1.2.840.99999. Empty "
            "makes identifiers that need no registration (2.25).",
        ),
        "dicom_label_map": SettingWords(
            "DICOM segmentations as la&bel maps", "Smaller, but fewer programs read them."
        ),
        "hide_patient_data": SettingWords(
            "&Hide patient data in the window", "Reports then do not name the patient either."
        ),
        "remember_recent": SettingWords(
            "&Remember the files that were opened",
            "And what was open when the window was closed. Without it both are forgotten.",
        ),
        "case_memory_mb": SettingWords(
            "&Results of open cases",
            "The results seen longest ago are let go, and made again when you look at them.",
        ),
        "slice_memory_mb": SettingWords(
            "&Slices of the series that is shown", "More makes leafing to and fro faster."
        ),
    }
)
"""By field of the settings; "logo" is a file beside them."""

LENGTH_WORDS: Mapping[LengthUnit, str] = MappingProxyType(
    {
        LengthUnit.MILLIMETRES: "in millimetres",
        LengthUnit.PIXELS: "in pixels",
        LengthUnit.BOTH: "in millimetres and pixels",
    }
)

PAPER_WORDS: Mapping[PaperSize, str] = MappingProxyType(
    {PaperSize.A4: "A4 (210 × 297 mm)", PaperSize.LETTER: "Letter (8.5 × 11 in)"}
)

PART_WORDS: Mapping[ReportPart, str] = MappingProxyType(
    {
        ReportPart.PICTURE: "the pict&ure with what was found",
        ReportPart.DISCS: "the table of all d&iscs",
        ReportPart.MEASURES: "the table of m&easures",
        ReportPart.LEVEL_MEASURES: "the measures of single &levels",
    }
)

LETTERHEAD_NOTE = (
    "Stands on every report except de-identified ones. Leave empty for plain paper. The logo is "
    "a PNG, JPEG or SVG picture."
)
NOT_A_PICTURE = Message(
    "The logo could not be taken over.", "Choose a PNG, JPEG or SVG picture that opens elsewhere."
)
NOT_KEPT = Message(
    "The settings hold until you close the program, but could not be kept.",
    "The Help menu, File locations, says where they are kept: make room, or choose a folder there.",
)
NOTHING_TAKEN = "Nothing was taken over yet."
RESTORE_TIP = "Show this page as it was when SpineAlign was new; it counts with OK or Apply"


def memory_text(used_bytes: int, chosen_mb: int, least_mb: int, most_mb: int) -> str:
    """Return how much memory is used now, between which limits, and what a smaller choice does.

    Parameters
    ----------
    used_bytes : int
        Now.
    chosen_mb, least_mb, most_mb : int
        What is chosen in megabytes, and what may be.
    """
    limits = f"Between {least_mb:,} and {most_mb:,} MB."
    used = f"{used_bytes / 1e6:.0f} MB are used now"
    if chosen_mb * 1e6 < used_bytes:
        return f"{used}: what was seen longest ago is let go. {limits}"
    return f"{used}. {limits}"


def beyond_limits_text(name: str, least_mb: int, most_mb: int) -> str:
    """Return why a number of megabytes is not taken over."""
    label = SETTING_WORDS[name].label.replace("&", "")
    return f"{label}: type a number between {least_mb:,} and {most_mb:,} MB."
