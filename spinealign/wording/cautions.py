"""Cautions in words: one sentence a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import CAUTION_FIELDS, Caution, CorrectionKind, WarningCode
from spinealign.wording.examinations import examination_text, kind_text, turn_text
from spinealign.wording.reading import note_text
from spinealign.wording.text import as_sentence, probability_text, safe_text
from spinealign.wording.vertebrae import level_uncertainty_text

_SENTENCES: Mapping[WarningCode, str] = {
    WarningCode.DEMONSTRATION_MODEL: (
        "{model_title} is only a demonstration: it shows how the program works, and its answers "
        "must not be relied on."
    ),
    WarningCode.OTHER_MODELS: (
        "Another model for such images is installed and was not asked: {model_title}; the window's "
        "Models… and “spinealign models use” choose for good, “analyze --model” for once."
    ),
    WarningCode.NAMED_MODEL_ALONE: (
        "SpineAlign does not analyse {kind}: only the model that was named or chosen for such "
        "images was asked, and nothing was outlined or measured."
    ),
    WarningCode.CHOSEN_MODEL_GONE: (
        "The model that was chosen for such images is no longer there, so it did not answer: "
        "{model_title}; the window's Models… and “spinealign models use” choose again."
    ),
    WarningCode.DAMAGED_MODEL: (
        "The card of a model of your own is damaged, so it was not asked: {model_title}; "
        "“spinealign models list” says what is wrong and where it lies."
    ),
    WarningCode.NO_SPACING: (
        "The pixel spacing is unknown: areas and lengths are given in pixels only."
    ),
    WarningCode.MAGNIFIED_SPACING: (
        "The pixel spacing was measured at the detector, not in the patient: "
        "areas and lengths are magnified."
    ),
    WarningCode.VIEW_UNCERTAIN: (
        "The image type is uncertain (confidence {confidence}); check it, and choose another one "
        "if it is wrong."
    ),
    WarningCode.VIEW_OVERRULED: (
        "The image type was chosen by the user against the program’s own check ({kind}); "
        "the networks were not trained on other images, and the result may be meaningless."
    ),
    WarningCode.VIEW_DISPUTED: (
        "The image type was taken from the file’s tags, but the image was classified as "
        "{kind}; check that it is the right image."
    ),
    WarningCode.VIEW_OF_SAMPLE: (
        "The image type of this sample was taken from its own record; any other image like it "
        "would have been rejected ({kind})."
    ),
    WarningCode.TURNED: (
        "The image seems to be rotated (upright after {quarter_turns}); “Turn and analyse” does "
        "that."
    ),
    WarningCode.ANALYSED_AS_NEGATIVE: (
        "Bone seems to be dark on this film: it was analysed as a negative; check the outlines."
    ),
    WarningCode.NO_MODEL_FOR_VIEW: (
        "No installed model fits this image type ({examination}); nothing was analysed "
        "automatically."
    ),
    WarningCode.NOTHING_SEGMENTED: ("No spine structure was found; check the image type."),
    WarningCode.LOW_RESOLUTION: (
        "The image is small ({size_px}): structures are only a few pixels wide, "
        "and outlines are less exact."
    ),
    WarningCode.LOW_CONTRAST: "The image has little contrast; results are less reliable.",
    WarningCode.TOO_DARK: "The image is very dark; results are less reliable.",
    WarningCode.TOO_BRIGHT: "The image is very bright; results are less reliable.",
    WarningCode.BLURRED: "The image is blurred; results are less reliable.",
    WarningCode.CUT_OFF: (
        "The image border cuts the spine off (below {levels}); measures that need the missing "
        "part are left out."
    ),
    WarningCode.BURNED_IN: (
        "The image seems to contain burned-in text or graphics; they may identify the patient, "
        "and impair the networks where they lie over the spine."
    ),
    WarningCode.READER_NOTE: "{note}",
    WarningCode.PROBABILITY_NOT_CALIBRATED: (
        "The probability is not calibrated: it ranks images, and is not the share of such "
        "images that have the finding."
    ),
    WarningCode.LEVELS_UNCERTAIN: (
        "The levels are uncertain ({doubt}); the bodies are numbered from the top and not named."
    ),
    WarningCode.LEVELS_COUNTED: (
        "The levels were counted upwards from the lowest disc, assumed to be L5/S1; a transitional "
        "vertebra or a disc inside the sacrum shifts them. Correct them if there is one."
    ),
    WarningCode.LEVELS_FROM_SACRUM: (
        "The levels were counted upwards from the sacrum that was outlined; one lumbar vertebra "
        "more or fewer than five shifts them. Correct them if that is so."
    ),
    WarningCode.LUMBAR_COUNT_DOUBTFUL: (
        "A disc inside the sacrum is as long as between lumbar vertebrae: there may be one lumbar "
        "vertebra more or fewer than usual; check the levels."
    ),
    WarningCode.USUAL_COUNT_ASSUMED: (
        "The names assume twelve thoracic and five lumbar vertebrae; one more or fewer shifts them."
    ),
    WarningCode.ENDPLATE_FROM_DISC: (
        "The body below the lowest disc is not outlined: its superior endplate ({levels}) was "
        "placed along the lower border of that disc, and is less certain than the others."
    ),
    WarningCode.NO_COLUMN: (
        "Fewer than two discs were found in line: vertebral bodies were not separated, and "
        "nothing was measured."
    ),
    WarningCode.SLICE_BESIDE_CANAL: (
        "This slice lies beside the spinal canal, which is behind none of the discs: no disc was "
        "graded. Take a slice from the middle of the series."
    ),
    WarningCode.BODY_CUT: (
        "The image border cuts bodies off ({levels}): their outlines, areas and corners "
        "are incomplete."
    ),
    WarningCode.BODY_HIDDEN: (
        "Bodies were found with low confidence ({levels}); check their outlines and corners "
        "visually."
    ),
    WarningCode.NOT_OUTLINED: (
        "The bodies that were seen do not form a plausible column (their spacing, size, order or "
        "direction): none was outlined, and nothing was measured."
    ),
    WarningCode.BODIES_SUGGESTED: (
        "Bodies were seen and not counted ({levels}): they cannot be neighbours of the others, or "
        "they or their levels are too uncertain. The window suggests them with a dashed outline, "
        "and a click accepts one."
    ),
    WarningCode.NAMES_UNCONFIRMED: (
        "Bodies that the program had only suggested were accepted, and nobody confirmed their "
        "names ({levels}): nothing is measured by them. A right click on a body confirms or "
        "changes its name."
    ),
    WarningCode.ACCEPTED_IMPLAUSIBLE: (
        "Accepted bodies cannot be neighbours of the others by spacing, size, shape or direction "
        "({levels}); one outline may hold two bodies or none, and measures taken there may be "
        "wrong. Check outline and level, or delete the body."
    ),
    WarningCode.DISC_COUNT_UNCERTAIN: (
        "Disc levels marked “?” are uncertain: the lowest disc was assumed to be L5/S1; check "
        "them, and confirm or shift them."
    ),
    WarningCode.DISC_INFERRED: (
        "No outline was found for {levels}; its position was estimated from its neighbours, so its "
        "grades are less reliable."
    ),
    WarningCode.UPSIDE_DOWN: (
        "The image seems to be upside down; discs were counted from its upper end. “Turn "
        "and analyse” gives better outlines."
    ),
    WarningCode.COMPANION_UNMATCHED: (
        "The discs of the second image do not match this one, so it was not used for grading."
    ),
    WarningCode.COMPANION_ALIKE: (
        "The second image has the same weighting as this one, so it was not used for grading."
    ),
    WarningCode.COMPANION_UNUSED: "The second image was not used, as no discs are graded here.",
    WarningCode.FACING_DISPUTED: (
        "The outlines show the patient facing the other side than the file states ({facing}); "
        "check which side the patient faces, and the side markers on the image."
    ),
    WarningCode.FACING_UNCERTAIN: (
        "It is uncertain which side the patient faces; corners that the network did not detect "
        "are left out."
    ),
    WarningCode.SEVERE_NARROWING: (
        "Severe narrowing of the spinal canal is suspected ({levels}): its outline is narrower "
        "than a third of the canal behind the body above, or ends between bodies behind which it "
        "is there; check the axial slices."
    ),
    WarningCode.HEIGHT_LOSS: (
        "Height loss ({levels}): the program cannot tell how old it is, sees no oedema, and does "
        "not tell a fracture from a normal variant, Scheuermann’s disease or a tumour; on films "
        "an oblique beam imitates it."
    ),
    WarningCode.T1_ALONE: (
        "Discs were graded on T1-weighted images alone: Pfirrmann’s grade, which is defined on "
        "T2-weighted images, and herniation are not determined, and the other grades are less "
        "sure. Add the T2 series of the same patient."
    ),
    WarningCode.WEIGHTING_ASSUMED: (
        "The file does not state whether the image is T1- or T2-weighted: it was taken for "
        "T2-weighted where the fluid of the canal is brighter than bone marrow, else for "
        "T1-weighted. Check it."
    ),
    WarningCode.BENT_FILM: (
        "The film is taken in flexion or extension: its values are not compared with reference "
        "ranges, which are those of neutral posture."
    ),
    WarningCode.CORRECTED_BY_USER: (
        "This result was manually corrected ({corrections}); the automatic result is kept too."
    ),
}
"""By code, with the field of `CAUTION_FIELDS` in braces."""

_ADVICE = {
    WarningCode.VIEW_UNCERTAIN: "; check it, and choose another one if it is wrong.",
    WarningCode.VIEW_DISPUTED: "; check that it is the right image.",
    WarningCode.TURNED: "; “Turn and analyse” does that.",
    WarningCode.ANALYSED_AS_NEGATIVE: "; check the outlines.",
    WarningCode.NOTHING_SEGMENTED: "; check the image type.",
    WarningCode.LEVELS_COUNTED: " Correct them if there is one.",
    WarningCode.LEVELS_FROM_SACRUM: " Correct them if that is so.",
    WarningCode.LUMBAR_COUNT_DOUBTFUL: "; check the levels.",
    WarningCode.SEVERE_NARROWING: "; check the axial slices.",
    WarningCode.SLICE_BESIDE_CANAL: " Take a slice from the middle of the series.",
    WarningCode.BODY_HIDDEN: "; check their outlines and corners visually.",
    WarningCode.BODIES_SUGGESTED: (
        " The window suggests them with a dashed outline, and a click accepts one."
    ),
    WarningCode.NAMES_UNCONFIRMED: " A right click on a body confirms or changes its name.",
    WarningCode.ACCEPTED_IMPLAUSIBLE: " Check outline and level, or delete the body.",
    WarningCode.DISC_COUNT_UNCERTAIN: "; check them, and confirm or shift them.",
    WarningCode.UPSIDE_DOWN: " “Turn and analyse” gives better outlines.",
    WarningCode.FACING_DISPUTED: (
        "; check which side the patient faces, and the side markers on the image."
    ),
    WarningCode.T1_ALONE: " Add the T2 series of the same patient.",
    WarningCode.WEIGHTING_ASSUMED: " Check it.",
}
"""How a sentence ends that says what to do in the program: nothing for who gets a report."""

_CORRECTIONS = {
    CorrectionKind.POINTS_MOVED: "points moved",
    CorrectionKind.POINTS_CONFIRMED: "points confirmed where they were",
    CorrectionKind.BODIES_ADDED: "bodies added",
    CorrectionKind.SUGGESTIONS_ACCEPTED: "suggested bodies accepted",
    CorrectionKind.BODIES_DELETED: "bodies deleted",
    CorrectionKind.LEVELS_RENAMED: "levels renamed",
    CorrectionKind.FACING_CHANGED: "anterior and posterior swapped",
    CorrectionKind.CALIBRATED: "pixel spacing calibrated",
}


def caution_text(caution: Caution) -> str:
    """Return the sentence for one warning beside a result."""
    carried = CAUTION_FIELDS.get(caution.code)
    if carried is None:
        return _SENTENCES[caution.code]
    words = _FIELD_WORDS[carried](caution.carried)
    return _SENTENCES[caution.code].format_map({carried: words})


def caution_statement(caution: Caution) -> str:
    """Return the sentence for one warning without what to do in the program; for reports."""
    text, advice = caution_text(caution), _ADVICE.get(caution.code, "")
    if not advice or not text.endswith(advice):
        return text
    return as_sentence(text.removesuffix(advice))


def _examination_text(kind: ExaminationKind) -> str:
    return examination_text(kind.examination)


def _levels_text(levels: tuple[str, ...]) -> str:
    return safe_text(", ".join(levels))


def _size_text(size_px: tuple[int, int]) -> str:
    return "{} x {}".format(*size_px)


def _corrections_text(kinds: tuple[CorrectionKind, ...]) -> str:
    return ", ".join(_CORRECTIONS[kind] for kind in kinds)


_FIELD_WORDS: Mapping[str, Callable[[Any], str]] = {
    "levels": _levels_text,
    "kind": kind_text,
    "examination": _examination_text,
    "facing": safe_text,
    "doubt": level_uncertainty_text,
    "quarter_turns": turn_text,
    "confidence": probability_text,
    "size_px": _size_text,
    "model_title": safe_text,
    "note": lambda note: as_sentence(note_text(note)),
    "corrections": _corrections_text,
}
