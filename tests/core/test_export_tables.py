import copy
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.examination import (
    EXAMINATIONS,
    ExaminationKind,
    Modality,
    Plane,
    SpineRegion,
)
from spinealign.domain.findings import Region, WarningCode
from spinealign.domain.image import DecisionSource, SpacingSource
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.export.exporters import EXPORTERS
from spinealign.export.tables import (
    REGION_COLUMNS,
    SCHEMA_ID,
    analysis_json,
    analysis_schema,
    regions_csv,
)
from tests.phantoms import (
    ct_analysis,
    failed_view_analysis,
    mr_analysis,
    without_spacing,
    xray_analysis,
)

VALIDATOR = jsonschema.Draft202012Validator(analysis_schema())
ANALYSES = {
    "ct": ct_analysis(),
    "mr": mr_analysis(),
    "mr without spacing": without_spacing(mr_analysis()),
    "both networks": replace(mr_analysis(), classification=ct_analysis().classification),
    "other": failed_view_analysis(),
    "xray": xray_analysis(),
}
ALL_FILES = {kind: one.file_name for kind, one in EXPORTERS.items() if one.is_in_folder}


def as_read(analysis, files=ALL_FILES):
    """Return the object as a program reads it back from disk."""
    return json.loads(json.dumps(analysis_json(analysis, files), allow_nan=False))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def described(schema):
    """Yield each schema below with whether it says what it is."""
    for name, value in schema.get("properties", {}).items():
        yield name, "description" in value
        yield from described(value)
    if "items" in schema:
        yield from described(schema["items"])
    for value in schema.get("$defs", {}).values():
        yield from described(value)


def strict(schema):
    """Yield each object schema's answer to unknown keys."""
    if "properties" in schema:
        yield schema["additionalProperties"]
        for value in schema["properties"].values():
            yield from strict(value)
    if "items" in schema:
        yield from strict(schema["items"])
    for value in schema.get("$defs", {}).values():
        yield from strict(value)


class TestSchema:
    def test_is_a_valid_schema(self):
        jsonschema.Draft202012Validator.check_schema(analysis_schema())

    def test_every_field_is_described(self):
        undescribed = [name for name, ok in described(analysis_schema()) if not ok]
        assert undescribed == []

    def test_unknown_keys_are_refused_everywhere(self):
        answers = list(strict(analysis_schema()))
        assert len(answers) > 10
        assert set(answers) == {False}

    @pytest.mark.parametrize(
        ("path", "values"),
        [
            (("warnings", "items", "properties", "code"), WarningCode),
            (("examination", "properties", "kind"), ExaminationKind),
            (("examination", "properties", "modality"), Modality),
            (("examination", "properties", "plane"), Plane),
            (("examination", "properties", "regions", "items"), SpineRegion),
            (("view", "properties", "chosen_by"), DecisionSource),
            (("input", "properties", "spacing_source"), SpacingSource),
        ],
        ids=[
            "warnings",
            "kinds",
            "modalities",
            "planes",
            "regions",
            "decision sources",
            "spacings",
        ],
    )
    def test_codes_are_the_program_s_own(self, path, values):
        node = analysis_schema()["properties"]
        for key in path:
            node = node[key]
        assert set(node["enum"]) == {value.value for value in values}

    def test_views_are_the_names_of_the_examinations(self):
        node = analysis_schema()["properties"]["view"]["properties"]["name"]
        names = {examination.view_name for examination in EXAMINATIONS.values()}
        assert set(node["enum"]) == {*names, "other"}

    def test_its_files_are_those_of_the_table_of_exporters(self):
        files = {
            kind: {
                "description": one.description,
                "type": "string",
                "pattern": f"^(.+_)?{re.escape(one.file_name)}$",
            }
            for kind, one in EXPORTERS.items()
            if one.is_in_folder or one.is_dicom
        }
        assert analysis_schema()["properties"]["files"]["properties"] == files

    @pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
    def test_real_output_fits(self, analysis):
        VALIDATOR.validate(as_read(analysis))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("schema",), "spinealign-analysis-1"),
            (("surprise",), 1),
            (("input", "sha256"), "abc"),
            (("input", "width_px"), 0),
            (("input", "spacing_mm"), [0.8]),
            (("input", "spacing_mm"), [0.8, -1]),
            (("view", "name"), "ultrasound"),
            (("view", "confidence"), 1.2),
            (("models", 0, "status"), "perfect"),
            (("segmentation", "classes"), {"0": "background"}),
            (("segmentation", "classes"), {"256": "vertebra"}),
            (("segmentation", "regions", 0, "pixels"), 1.5),
            (("segmentation", "regions", 0, "percent_of_image"), 101),
            (("classification", "classes", 0, "probability"), "0.87"),
            (("files", "mask"), "/tmp/mask.png"),
            (("seconds", "read"), -1),
            (("created_utc",), "yesterday"),
            (("warnings", 0, "code"), "unheard_of"),
        ],
        ids=lambda v: ".".join(map(str, v)) if isinstance(v, tuple) else "",
    )
    def test_damage_is_found(self, path, value):
        table = as_read(ANALYSES["both networks"])
        VALIDATOR.validate(table)
        damaged = copy.deepcopy(table)
        node = damaged
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
        assert not VALIDATOR.is_valid(damaged)

    @pytest.mark.parametrize("key", analysis_json(ct_analysis(), {}))
    def test_no_part_may_be_missing(self, key):
        table = as_read(ANALYSES["both networks"])
        del table[key]
        assert not VALIDATOR.is_valid(table)


class TestJson:
    def test_input_is_described_vertical_first(self):
        table = as_read(mr_analysis())["input"]
        assert (table["width_px"], table["height_px"]) == (200, 320)
        assert table["spacing_mm"] == [0.8, 0.75]
        assert table["spacing_source"] == "nifti_header"
        assert table["file_name"] == "phantom_mr.nii.gz"

    def test_unknown_spacing_gives_no_areas(self):
        table = as_read(without_spacing(mr_analysis()))
        assert table["input"]["spacing_mm"] is None
        assert {row["area_mm2"] for row in table["segmentation"]["regions"]} == {None}

    def test_mask_values_are_named(self):
        table = as_read(mr_analysis())
        assert table["segmentation"]["classes"] == {"1": "vertebra", "2": "disc", "3": "canal"}

    def test_pixels_add_up_to_the_image(self):
        table = as_read(mr_analysis())
        rows = {row["name"]: row for row in table["segmentation"]["regions"]}
        pixels = sum(row["pixels"] for row in rows.values() if row["class_id"] is not None)
        assert pixels == table["input"]["width_px"] * table["input"]["height_px"]
        assert rows["all structures"]["class_id"] is None
        assert rows["background"]["percent_of_structures"] is None

    def test_classification_keeps_the_card_s_order_and_meaning(self):
        table = as_read(ct_analysis(0.12))["classification"]
        assert table["classes"] == [
            {"name": "fracture", "probability": 0.12},
            {"name": "normal", "probability": 0.88},
        ]
        assert (table["positive_class"], table["predicted"]) == ("fracture", "normal")

    @pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
    def test_every_caution_is_there_in_order(self, analysis):
        codes = [row["code"] for row in as_read(analysis)["warnings"]]
        assert codes == [caution.code.value for caution in analysis.cautions]

    def test_what_did_not_run_is_null(self):
        table = as_read(failed_view_analysis())
        assert table["classification"] is None
        assert table["segmentation"] is None
        assert table["models"] == []

    @pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=["nan", "infinite"])
    def test_numbers_that_json_lacks_become_null(self, value):
        measures = (Measurement(MeasureCode.T1_SLOPE, value, "deg"),)
        table = as_read(replace(mr_analysis(), measurements=measures))
        assert table["measurements"][0]["value"] is None

    def test_an_undecodable_file_name_can_still_be_written(self):
        image = replace(ct_analysis().image, source_path=Path("bad\udcff.dcm"))
        table = analysis_json(replace(ct_analysis(), image=image), {})
        assert json.dumps(table, ensure_ascii=False).encode("utf-8")
        VALIDATOR.validate(table)

    def test_says_which_format_it_is(self):
        assert as_read(ct_analysis())["schema"] == SCHEMA_ID


REGIONS = st.builds(
    Region,
    class_id=st.one_of(st.none(), st.integers(0, 255)),
    name=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\n"), min_size=1
    ),
    pixels=st.integers(0, 10**8),
    percent_of_image=st.floats(0, 100),
    percent_of_structures=st.one_of(st.none(), st.floats(0, 100)),
    area_mm2=st.one_of(st.none(), st.floats(0, 1e6)),
    parts=st.integers(0, 1000),
    mean_confidence=st.one_of(st.none(), st.floats(0, 1)),
)


class TestCsv:
    def test_without_structures_there_is_only_a_heading(self):
        assert regions_csv(ct_analysis()) == ",".join(REGION_COLUMNS) + "\r\n"

    def test_rows_say_which_model_and_image_they_come_from(self):
        analysis = mr_analysis()
        for row in rows_of(regions_csv(analysis)):
            assert row["model"] == "mr_sagittal_unet"
            assert row["model_status"] == "internally validated"
            assert row["image_sha256"] == analysis.image.sha256

    @given(st.lists(REGIONS, max_size=5))
    def test_what_is_written_is_read_back(self, regions):
        analysis = replace(mr_analysis((16, 10)), regions=tuple(regions))
        rows = rows_of(regions_csv(analysis))
        assert len(rows) == len(regions)
        for row, region in zip(rows, regions, strict=True):
            assert row["name"] == region.name
            assert int(row["pixels"]) == region.pixels
            assert row["class_id"] == ("" if region.class_id is None else str(region.class_id))
            assert float(row["percent_of_image"]) == pytest.approx(
                region.percent_of_image, abs=1e-4
            )
            assert (row["area_mm2"] == "") == (region.area_mm2 is None)
            if region.area_mm2 is not None:
                assert float(row["area_mm2"]) == pytest.approx(region.area_mm2, abs=1e-3)
