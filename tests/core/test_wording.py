from dataclasses import replace
from pathlib import Path

import pytest

from spinealign import wording
from spinealign.domain.errors import (
    Cancelled,
    DataSetError,
    ExportError,
    ExportProblem,
    ImageReadError,
    ModelError,
    ModelProblem,
    ReadProblem,
    SpineAlignError,
)
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind, ImageKind
from spinealign.domain.findings import (
    Caution,
    CorrectionKind,
    Facing,
    LevelUncertainty,
    ModelStatus,
    WarningCode,
)
from spinealign.domain.image import DecisionSource, KindCheck, NoteKind, ReaderNote, SpacingSource
from spinealign.wording.reading import note_text
from spinealign.wording.text import in_sentence
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR
from tests.phantoms import (
    ct_analysis,
    ct_image,
    ct_model,
    failed_view_analysis,
    mr_analysis,
    mr_model,
    without_spacing,
    xray_analysis,
)

EXPECTED_FAILURES = [
    *(ImageReadError(Path("folder/neck.dcm"), problem, "160 x 120") for problem in ReadProblem),
    *(ModelError("neck.dcm", problem, "no threshold") for problem in ModelProblem),
    *(
        ExportError(Path("folder/neck.dcm"), problem, "Input/output error")
        for problem in ExportProblem
    ),
]


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and ". " not in text and text[0] in "“TN" and "{" not in text


@pytest.mark.parametrize(
    "error", EXPECTED_FAILURES, ids=lambda e: f"{type(e).__name__}-{e.problem}"
)
def test_every_failure_is_one_sentence_with_a_name_and_advice(error):
    message = wording.explain(error)
    assert "neck.dcm" in message.sentence
    assert is_one_sentence(message.sentence)
    assert message.advice.endswith((".", "”."))
    assert "_" not in message.sentence


@pytest.mark.parametrize("kind", NoteKind)
def test_every_decision_of_a_reader_is_a_sentence(kind):
    values = ("",) if kind is NoteKind.CALIBRATED else ("sagittal", "MR", "axial", "2")
    text = note_text(ReaderNote(kind, values))
    assert text.endswith(".")
    assert text[0].isupper()
    assert "{" not in text
    assert "_" not in text


def test_failures_are_told_apart():
    assert len({wording.explain(error).sentence for error in EXPECTED_FAILURES}) == len(
        EXPECTED_FAILURES
    )


def test_detail_is_told_once_in_brackets_and_left_out_without_one():
    told = wording.explain(ImageReadError(Path("a.png"), ReadProblem.TOO_LARGE, "20000 x 20000"))
    silent = wording.explain(ImageReadError(Path("a.png"), ReadProblem.TOO_LARGE))
    assert told.sentence == "“a.png” is too large (20000 x 20000)."
    assert silent.sentence == "“a.png” is too large."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataSetError("no folder “train” in data"), "no folder “train” in data."),
        (Cancelled(), "Stopped."),
        (SpineAlignError("odd"), "odd."),
        (SpineAlignError(), "no reason was given."),
    ],
    ids=["data set", "cancelled", "unknown", "unknown without words"],
)
def test_failures_without_a_problem_code(error, words):
    message = wording.explain(error)
    assert message.sentence.endswith(words)
    assert message.advice


def test_braces_in_a_file_name_are_not_a_template():
    error = ImageReadError(Path("{name}{detail}.png"), ReadProblem.EMPTY)
    assert wording.explain(error).sentence == "“{name}{detail}.png” is empty."


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (Path("a/b/neck.dcm"), "neck.dcm"),
        (Path("/"), "/"),
        (Path("Αυχένας 脊椎.dcm"), "Αυχένας 脊椎.dcm"),
        (Path("red\x1b[31m\n.png"), "red\ufffd[31m\ufffd.png"),
        (Path("bad\udcff.png"), "bad\ufffd.png"),
    ],
    ids=["plain", "root", "other scripts", "terminal codes", "undecodable bytes"],
)
def test_display_name_is_safe_to_print(path, shown):
    assert wording.display_name(path) == shown
    wording.display_name(path).encode("utf-8")


CARRIED = {
    WarningCode.DEMONSTRATION_MODEL: (
        {"model_title": "CT classifier (VGG16)"}, "CT classifier (VGG16) is only",
    ),
    WarningCode.OTHER_MODELS: ({"model_title": "Narrow discs"}, "not asked: Narrow discs; the"),
    WarningCode.NAMED_MODEL_ALONE: (
        {"kind": ImageKind.OBLIQUE_FILM}, "does not analyse an oblique"
    ),
    WarningCode.CHOSEN_MODEL_GONE: ({"model_title": "Narrow discs"}, "not answer: Narrow discs;"),
    WarningCode.DAMAGED_MODEL: ({"model_title": "narrow"}, "not asked: narrow; “spinealign"),
    WarningCode.NO_SPACING: ({}, "in pixels only"),
    WarningCode.MAGNIFIED_SPACING: ({}, "are magnified"),
    WarningCode.VIEW_UNCERTAIN: ({"confidence": 0.449}, "(confidence 0.45)"),
    WarningCode.VIEW_OVERRULED: (
        {"kind": ImageKind.SPINE_MR}, "(a sagittal spine MR); the networks",
    ),
    WarningCode.VIEW_DISPUTED: (
        {"kind": ImageKind.OTHER_CT}, "classified as a CT image of another body part or plane;",
    ),
    WarningCode.VIEW_OF_SAMPLE: (
        {"kind": ImageKind.NECK_CT}, "rejected (a CT slice through the neck).",
    ),
    WarningCode.TURNED: ({"quarter_turns": 3}, "(upright after rotation by 90° to the right)"),
    WarningCode.NO_MODEL_FOR_VIEW: (
        {"examination": ExaminationKind.SAGITTAL_SPINE_MR},
        "(sagittal spine MR); nothing was analysed",
    ),
    WarningCode.NOTHING_SEGMENTED: ({}, "No spine structure was found"),
    WarningCode.LOW_RESOLUTION: ({"size_px": (200, 170)}, "small (200 x 170)"),
    WarningCode.ANALYSED_AS_NEGATIVE: ({}, "analysed as a negative"),
    WarningCode.LOW_CONTRAST: ({}, "little contrast"),
    WarningCode.TOO_DARK: ({}, "very dark"),
    WarningCode.TOO_BRIGHT: ({}, "very bright"),
    WarningCode.BLURRED: ({}, "blurred"),
    WarningCode.CUT_OFF: ({"levels": ("C5",)}, "(below C5)"),
    WarningCode.BURNED_IN: ({}, "burned-in text"),
    WarningCode.READER_NOTE: ({"note": ReaderNote(NoteKind.FRAME_TAKEN, (3, 9))}, "Frame 3 of 9."),
    WarningCode.PROBABILITY_NOT_CALIBRATED: ({}, "not calibrated"),
    WarningCode.LEVELS_UNCERTAIN: (
        {"doubt": LevelUncertainty.NO_C2}, "uncertain (C2 was not found)",
    ),
    WarningCode.LEVELS_COUNTED: ({}, "assumed to be L5/S1"),
    WarningCode.LEVELS_FROM_SACRUM: ({}, "upwards from the sacrum that was outlined"),
    WarningCode.LUMBAR_COUNT_DOUBTFUL: ({}, "one lumbar vertebra more or fewer than usual"),
    WarningCode.USUAL_COUNT_ASSUMED: ({}, "twelve thoracic and five lumbar"),
    WarningCode.ENDPLATE_FROM_DISC: ({"levels": ("S1",)}, "endplate (S1) was placed"),
    WarningCode.NO_COLUMN: ({}, "Fewer than two discs"),
    WarningCode.SLICE_BESIDE_CANAL: ({}, "beside the spinal canal"),
    WarningCode.BODY_CUT: ({"levels": ("C2", "C7")}, "off (C2, C7):"),
    WarningCode.BODY_HIDDEN: ({"levels": ("C7", "T1")}, "confidence (C7, T1);"),
    WarningCode.NOT_OUTLINED: ({}, "none was outlined, and nothing was measured"),
    WarningCode.BODIES_SUGGESTED: ({"levels": ("C7", "T1")}, "not counted (C7, T1):"),
    WarningCode.FACING_DISPUTED: ({"facing": Facing.LEFT}, "than the file states (left)"),
    WarningCode.FACING_UNCERTAIN: ({}, "uncertain which side the patient faces"),
    WarningCode.CORRECTED_BY_USER: (
        {"corrections": (CorrectionKind.POINTS_MOVED, CorrectionKind.CALIBRATED)},
        "(points moved, pixel spacing calibrated)",
    ),
    WarningCode.DISC_COUNT_UNCERTAIN: ({}, "marked “?”"),
    WarningCode.DISC_INFERRED: ({"levels": ("L2/L3", "L3/L4")}, "found for L2/L3, L3/L4;"),
    WarningCode.UPSIDE_DOWN: ({}, "upper end"),
    WarningCode.COMPANION_UNMATCHED: ({}, "second image"),
    WarningCode.COMPANION_ALIKE: ({}, "same weighting"),
    WarningCode.COMPANION_UNUSED: ({}, "no discs are graded"),
    WarningCode.BENT_FILM: ({}, "in flexion or extension: its values are not compared"),
    WarningCode.NAMES_UNCONFIRMED: ({"levels": ("T4", "T6")}, "(T4, T6): nothing is measured"),
    WarningCode.ACCEPTED_IMPLAUSIBLE: ({"levels": ("T4", "T6")}, "direction (T4, T6); one outline"),
    WarningCode.T1_ALONE: ({}, "graded on T1-weighted images alone"),
    WarningCode.WEIGHTING_ASSUMED: ({}, "does not state whether the image is T1- or T2-weighted"),
    WarningCode.SEVERE_NARROWING: ({"levels": ("L4/L5",)}, "canal is suspected (L4/L5)"),
    WarningCode.HEIGHT_LOSS: ({"levels": ("L1", "T12")}, "(L1, T12): the program cannot tell"),
}  # fmt: skip


@pytest.mark.parametrize("code", WarningCode)
def test_every_warning_is_worded_with_what_it_carries(code):
    carried, words = CARRIED[code]
    text = wording.caution_text(Caution(code, **carried))
    assert words in text
    assert text.endswith(".")
    assert text[0].isupper()
    assert "_" not in text
    assert "{" not in text


@pytest.mark.parametrize("code", WarningCode)
def test_a_report_tells_a_warning_without_what_to_do_in_the_program(code):
    caution = Caution(code, **CARRIED[code][0])
    text, statement = wording.caution_text(caution), wording.caution_statement(caution)
    assert statement.endswith(".")
    assert statement == text or len(statement) < len(text)
    assert text.startswith(statement.removesuffix("."))
    for word in (
        "click",
        "; check ",
        "Check",
        "; rotate",
        "Rotate",
        "Correct",
        "delete",
        "Add the",
    ):
        assert word not in statement


def test_warnings_are_told_apart():
    texts = {wording.caution_text(Caution(code, **CARRIED[code][0])) for code in WarningCode}
    assert len(texts) == len(WarningCode)


@pytest.mark.parametrize("code", WarningCode)
def test_a_warning_carries_what_its_code_needs_and_nothing_else(code):
    carried, _ = CARRIED[code]
    too_much = {"size_px": (1, 2)} if "size_px" not in carried else {"levels": ("C3",)}
    with pytest.raises(ValueError, match=code):
        Caution(code, **carried, **too_much)
    if carried:
        with pytest.raises(ValueError, match=code):
            Caution(code)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (
            0.87,
            "Demonstration model: pattern labelled “fracture” (probability 0.87). "
            "This model’s results are not reliable.",
        ),
        (
            0.12,
            "Demonstration model: no “fracture” pattern above the threshold (probability 0.12). "
            "This model’s results are not reliable.",
        ),
    ],
    ids=["positive", "negative"],
)
def test_a_demonstration_classifier_warns_either_way_and_is_no_finding(probability, text):
    asked = ct_analysis(probability)
    assert wording.demonstration_text(asked) == text
    for analysis in (asked, asked.without_demonstration):
        assert wording.headline(analysis) == (
            "Nothing is assessed on a CT slice through the neck: the only model for it is a "
            "demonstration."
        )
    assert wording.demonstration_text(asked.without_demonstration) == ""


def test_headline_of_a_validated_classifier_does_not_call_itself_a_demonstration():
    analysis = ct_analysis(0.87, status=ModelStatus.EXTERNALLY_VALIDATED)
    assert wording.demonstration_text(analysis) == ""
    assert wording.headline(analysis) == "Pattern labelled “fracture” (probability 0.87)."


def test_headline_of_a_segmentation_counts_discs_and_claims_no_disease():
    assert wording.headline(mr_analysis()) == (
        "Segmented vertebrae, 6 discs and the spinal canal on this sagittal spine MR; "
        "no grading model is installed, so disease was not assessed."
    )


def test_an_image_of_another_kind_says_first_that_its_result_may_be_meaningless():
    forced = KindCheck(ImageKind.OTHER_MR, False, overruled=True)
    text = wording.headline(replace(mr_analysis(), kind_check=forced))
    assert text.startswith(
        "Analysed as a sagittal spine MR against the program’s check: the result may be "
        "meaningless. Segmented vertebrae"
    )


def test_discs_that_are_in_no_row_are_not_put_down_to_a_missing_model():
    lost = replace(mr_analysis(), cautions=(Caution(WarningCode.NO_COLUMN),))
    assert "no row of discs was found, so none was graded" in wording.headline(lost)
    neck = wording.headline(replace(mr_analysis(), examination=NECK_CT))
    assert neck.endswith("; outlines and areas only.")


@pytest.mark.parametrize(
    ("kept", "listed"),
    [
        ({"disc": 1}, "Segmented 1 disc on"),
        ({"vertebra": 4, "canal": 1}, "Segmented vertebrae and the spinal canal on"),
        ({}, "No spine structure was found on"),
    ],
    ids=["one disc", "no disc", "nothing"],
)
def test_headline_names_only_what_was_found(kept, listed):
    analysis = mr_analysis()
    regions = tuple(
        replace(r, parts=kept.get(r.name, r.parts), pixels=r.pixels if r.name in kept else 0)
        for r in analysis.regions
    )
    assert wording.headline(replace(analysis, regions=regions)).startswith(listed)


def test_headline_of_a_demonstration_segmentation_says_so():
    text = wording.headline(mr_analysis(status=ModelStatus.DEMONSTRATION))
    assert text.startswith("Demonstration model: segmented vertebrae")


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        (ct_analysis(), True),
        (mr_analysis(status=ModelStatus.DEMONSTRATION), True),
        (mr_analysis(), False),
        (replace(mr_analysis(), models=(ct_model(), mr_model())), False),
        (failed_view_analysis(), False),
    ],
    ids=["classifier", "segmentation", "validated", "only the view gate", "nothing ran"],
)
def test_a_finding_is_a_demonstration_when_its_own_model_is(analysis, expected):
    assert wording.is_demonstration(analysis) is expected


def test_headline_without_a_model_for_radiographs():
    assert wording.headline(xray_analysis()) == (
        "No model for a lateral cervical radiograph is installed, so nothing was analysed; "
        "vertebrae can be added by hand."
    )


def test_headline_of_another_image_tells_how_to_overrule():
    text = wording.headline(failed_view_analysis())
    assert text.startswith(
        "This image was classified as an image of another type, not as a lateral cervical"
    )
    assert all(wording.examination_text(v) in text for v in (LATERAL_NECK, NECK_CT, SPINE_MR))
    assert "choose its image type" in wording.refusal_message(failed_view_analysis()).advice


def test_headline_claims_nothing_about_an_image_that_nobody_looked_at():
    text = wording.headline(replace(failed_view_analysis(), kind_check=None))
    assert text.startswith("It is not known whether this image is")


def test_a_film_of_another_projection_asks_for_the_lateral_one():
    check = KindCheck(ImageKind.OBLIQUE_FILM, False, None, ImageKind.OBLIQUE_FILM, 0.9)
    advice = wording.refusal_message(replace(failed_view_analysis(), kind_check=check)).advice
    assert advice.startswith("Open the lateral or the frontal film")
    assert "choose its image type" in advice


@pytest.mark.parametrize(
    ("check", "begins"),
    [
        (KindCheck(ImageKind.OTHER_CT, False, tags=ImageKind.OTHER_CT),
         "The file’s tags say that this is a CT image of another body part or plane, not"),
        (KindCheck(ImageKind.OTHER_MR, False, ImageKind.SPINE_MR, ImageKind.OTHER_MR, 0.95),
         "The file’s tags say that this is a sagittal spine MR, but it was classified as an MR"),
        (KindCheck(ImageKind.NONE_OF_THESE, False, None, ImageKind.NECK_CT, 0.4),
         "This image was not recognised as a lateral cervical radiograph"),
        (KindCheck(ImageKind.OBLIQUE_FILM, False, None, ImageKind.OBLIQUE_FILM, 0.9),
         "This looks like an oblique film (open foramina); only lateral and"),
        (KindCheck(ImageKind.OBLIQUE_FILM, False, ImageKind.OBLIQUE_FILM),
         "The file’s tags say that this is an oblique film (open foramina); only"),
        (KindCheck(ImageKind.OTHER_RADIOGRAPH, False, None, ImageKind.OTHER_RADIOGRAPH, 0.9),
         "This image was classified as a radiograph of another body part or projection, not as"),
    ],
    ids=[
        "tags", "pixels against tags", "unsure", "oblique", "oblique by tags", "pixels",
    ],
)  # fmt: skip
def test_a_refusal_says_who_refused(check, begins):
    analysis = replace(failed_view_analysis(), kind_check=check)
    assert wording.headline(analysis).startswith(begins)
    assert wording.kind_check_text(check).startswith("Tags: ")


def test_a_turned_picture_is_told_how_to_turn_it():
    check = KindCheck(
        ImageKind.NONE_OF_THESE, False, None, ImageKind.OTHER_RADIOGRAPH, 0.9, quarter_turns=3
    )
    advice = wording.refusal_message(replace(failed_view_analysis(), kind_check=check)).advice
    assert advice.startswith("After rotation by 90° to the right it is recognised as one of them")
    caution = wording.caution_text(Caution(WarningCode.TURNED, quarter_turns=3))
    assert "upright after rotation by 90° to the right" in caution


@pytest.mark.parametrize("source", sorted(set(SpacingSource) - {SpacingSource.UNKNOWN}))
def test_spacing_names_where_it_comes_from(source):
    texts = {
        s: wording.spacing_text(replace(ct_image(), spacing_mm=(0.5, 0.25), spacing_source=s))
        for s in SpacingSource
    }
    assert texts[source].startswith("0.5 × 0.25 mm (")
    assert [s for s in texts if texts[s] == texts[source]] == [source]


def test_unknown_spacing_promises_no_millimetres():
    text = wording.spacing_text(without_spacing(mr_analysis()).image)
    assert text == "Pixel spacing unknown: areas in pixels only"


def test_spacing_at_the_detector_is_called_magnified():
    assert "magnified" in wording.spacing_text(xray_analysis().image)


def test_examinations_and_their_sources_are_told_apart():
    kinds = (None, *EXAMINATIONS.values())
    assert len({wording.examination_text(each) for each in kinds}) == len(kinds)
    assert len({wording.examination_label(each) for each in kinds[1:]}) == len(kinds) - 1
    assert len({wording.source_text(source) for source in DecisionSource}) == len(DecisionSource)


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.5, "0.50"), (0.0, "under 0.01"), (1.0, "over 0.99"), (0.994, "over 0.99"), (0.99, "0.99")],
)
def test_a_probability_is_never_certainty(probability, text):
    assert wording.probability_text(probability) == text


def test_region_row_with_and_without_spacing():
    with_area = wording.format_region_row(mr_analysis().regions[0])
    without_area = wording.format_region_row(without_spacing(mr_analysis()).regions[0])
    assert len(with_area) == len(wording.REGION_HEADINGS)
    assert with_area[4].endswith("mm²")
    assert without_area[4] == wording.NOTHING
    assert with_area[:4] == without_area[:4]


def test_a_model_is_named_with_version_and_status():
    assert wording.model_text(mr_model()) == (
        "Sagittal MR segmentation (U-Net), version 1.0.0, internally validated"
    )


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Sacral slope", "sacral slope"),
        ("C7 slope", "C7 slope"),
        ("Cobb angle 1", "Cobb angle 1"),
        ("disc angle", "disc angle"),
    ],
)
def test_a_title_inside_a_sentence_is_small_unless_it_is_a_name(title, words):
    assert in_sentence(title) == words
