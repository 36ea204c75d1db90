import io
import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from pypdf import PdfReader

from spinealign import wording
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Caution,
    LandmarkName,
    LandmarkSource,
    LevelUncertainty,
    VertebraState,
    WarningCode,
)
from spinealign.export.overlay import mask_picture, overlay_picture, plain_picture
from spinealign.export.report import annex_pdf
from spinealign.export.tables import analysis_json, analysis_schema, regions_csv
from spinealign.imaging.labels import label_place
from spinealign.imaging.render import class_colour
from tests.phantoms_xray import LEVELS, analysed, draw_column, turned

VALIDATOR = jsonschema.Draft202012Validator(analysis_schema())
NAMED = analysed(draw_column())
MIRRORED = analysed(turned(draw_column(), mirrored=True))
NUMBERED = analysed(draw_column().without("C2"))
GAP = analysed(draw_column("T1").without("C4"))
NOTHING = analysed(draw_column().without(*LEVELS))
ALL = {
    "named": NAMED, "mirrored": MIRRORED, "numbered": NUMBERED, "gap": GAP, "nothing": NOTHING,
}  # fmt: skip


def table_of(analysis):
    return json.loads(json.dumps(analysis_json(analysis, {}), allow_nan=False))


class TestJson:
    @pytest.mark.parametrize("analysis", ALL.values(), ids=ALL)
    def test_fits_the_schema(self, analysis):
        VALIDATOR.validate(table_of(analysis))

    def test_codes_are_the_program_s_own(self):
        body = analysis_schema()["$defs"]["vertebra"]["properties"]
        mark = body["landmarks"]["items"]["properties"]
        assert set(body["state"]["enum"]) == {s.value for s in VertebraState}
        assert set(mark["name"]["enum"]) == {n.value for n in LandmarkName}
        assert set(mark["source"]["enum"]) == {s.value for s in LandmarkSource}
        assert body["level"]["enum"] == [*LEVEL_SEQUENCE, None]

    def test_bodies_keep_fractions_of_pixels_and_their_value_in_the_mask(self):
        table = table_of(NAMED)
        assert (table["facing"], table["levels_uncertain"]) == ("right", False)
        for body, found in zip(table["vertebrae"], NAMED.vertebrae, strict=True):
            assert table["segmentation"]["classes"][str(body["class_id"])] == body["level"]
            assert np.array(body["outline"]) == pytest.approx(np.array(found.outline), abs=0.006)
            for mark, true in zip(body["landmarks"], found.landmarks, strict=True):
                assert (mark["name"], mark["source"]) == (true.name, true.source)
                assert (mark["x"], mark["y"]) == pytest.approx((true.x, true.y), abs=0.006)
        assert any(x % 1 for x, _ in table["vertebrae"][0]["outline"])

    def test_numbered_bodies_have_no_level(self):
        table = table_of(NUMBERED)
        assert table["levels_uncertain"]
        assert {body["level"] for body in table["vertebrae"]} == {None}
        assert [body["class_id"] for body in table["vertebrae"]] == [11, 12, 13, 14, 15]

    def test_damage_is_found(self):
        table = table_of(NAMED)
        table["vertebrae"][0]["landmarks"][0]["source"] = "guessed"
        assert not VALIDATOR.is_valid(table)

    def test_the_csv_has_one_row_a_body(self):
        names = [line.split(",")[1] for line in regions_csv(NAMED).splitlines()[1:]]
        assert names == [*LEVELS[:6], "all structures", "background"]


class TestWords:
    @pytest.mark.parametrize(
        ("analysis", "expected"),
        [
            (
                analysed(draw_column("C6")),
                "Outlined C2 to C6 on this lateral cervical radiograph, facing right; "
                "C7 and T1 were not found.",
            ),
            (
                MIRRORED,
                "Outlined C2 to C7 on this lateral cervical radiograph, facing left; "
                "T1 was not found.",
            ),
            (
                GAP,
                "Outlined C2, C3 and C5 to T1 on this lateral cervical radiograph, "
                "facing right; C4 was not found.",
            ),
            (
                NUMBERED,
                "Outlined 5 vertebral bodies on this lateral cervical radiograph, facing right; "
                "their levels are uncertain because C2 was not found.",
            ),
            (
                NOTHING,
                "No vertebral body was outlined on this lateral cervical radiograph, "
                "because fewer than two plausible bodies were found.",
            ),
        ],
        ids=["C2 to C6", "facing left", "gap", "uncertain", "nothing"],
    )
    def test_the_headline_says_what_was_outlined(self, analysis, expected):
        assert wording.headline(analysis) == expected

    @pytest.mark.parametrize("doubt", list(LevelUncertainty))
    def test_every_doubt_is_worded(self, doubt):
        caution = Caution(WarningCode.LEVELS_UNCERTAIN, doubt=doubt)
        analysis = replace(NUMBERED, cautions=(caution,))
        assert doubt.value not in wording.headline(analysis)
        assert "_" not in wording.caution_text(caution)

    def test_cut_bodies_are_named_in_the_caution(self):
        text = wording.caution_text(Caution(WarningCode.BODY_CUT, levels=("C6", "C7")))
        assert "(C6, C7)" in text

    def test_a_body_s_row_counts_what_the_network_saw(self):
        assert wording.format_vertebra_row(NAMED.vertebrae[0])[:3] == ("C2", "complete", "2 of 2")
        assert wording.format_vertebra_row(NAMED.vertebrae[1])[2] == "4 of 4"


class TestPictures:
    def test_names_stand_behind_the_bodies(self):
        for analysis, sign in ((NAMED, -1), (MIRRORED, 1)):
            for body in analysis.vertebrae:
                place = label_place(body, analysis.facing, analysis.image.shape)
                middle = np.mean(body.outline, axis=0)
                assert np.sign(place.point[0] - middle[0]) == sign
                assert np.sign(place.away[0]) == sign

    def test_a_body_without_corners_is_labelled_by_the_facing(self):
        bare = replace(NAMED.vertebrae[2], landmarks=())
        assert label_place(bare, "left", (900, 700)).away == (1.0, 0.0)
        marks = tuple(replace(mark, x=5.0, y=5.0) for mark in NAMED.vertebrae[2].landmarks)
        assert label_place(replace(bare, landmarks=marks), "left", (900, 700)).away == (1.0, 0.0)
        assert label_place(bare, None, (900, 700)).away == (-1.0, 0.0)

    def test_a_label_without_room_behind_the_body_goes_before_it(self):
        body = NAMED.vertebrae[2]
        left = min(x for x, _ in body.outline)
        moved = replace(
            body, landmarks=(), outline=tuple((x - left + 3, y) for x, y in body.outline)
        )
        place = label_place(moved, "right", (900, 700))
        assert place.away == (1.0, 0.0)
        assert place.point[0] > 50

    def test_only_outlines_names_and_points_are_drawn(self):
        bare = replace(NAMED, measurements=())
        plain, drawn = (np.asarray(p(bare)) for p in (plain_picture, overlay_picture))
        rows, cols = NAMED.image.shape
        changed = (plain[:rows, :cols] != drawn[:rows, :cols]).any(axis=-1)
        mask = NAMED.segmentation.mask > 0
        assert changed[mask].mean() > 0.9
        reach = 70
        xs = [x for body in NAMED.vertebrae for x, _ in body.outline]
        ys = [y for body in NAMED.vertebrae for _, y in body.outline]
        outside = changed.copy()
        outside[
            int(min(ys)) - reach : int(max(ys)) + reach, int(min(xs)) - reach : int(max(xs)) + reach
        ] = False
        assert not outside.any()

    def test_the_outline_has_its_level_s_colour(self):
        drawn = np.asarray(overlay_picture(NAMED)).astype(int)
        body = NAMED.vertebrae[3]
        colour = np.array(class_colour("C5", 4))
        hits = [
            np.abs(drawn[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] - colour)
            .sum(axis=-1)
            .min()
            for x, y in body.outline
        ]
        assert np.median(hits) < 40

    def test_without_bodies_the_picture_is_the_image(self):
        assert np.array_equal(
            np.asarray(overlay_picture(NOTHING)), np.asarray(plain_picture(NOTHING))
        )
        assert not np.asarray(mask_picture(NOTHING)).any()

    def test_the_annex_lists_the_bodies(self):
        reader = PdfReader(io.BytesIO(annex_pdf(NUMBERED)))
        text = "\n".join(page.extract_text() for page in reader.pages)
        assert "Vertebral bodies" in text
        assert "body 5" in text
        assert "levels are uncertain" in text
