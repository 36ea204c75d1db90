"""Self-test of an installation: analyses every shipped sample and checks its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spinealign.analysis import analyze_file
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import run_to_end
from spinealign.domain.measures import MeasureCode
from spinealign.domain.paths import models_dirs
from spinealign.export.bundle import write_bundle
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import SampleCase, list_samples
from spinealign.inference.catalog import ModelStore
from spinealign.measure.outlines.regions import dice_coefficient
from spinealign.wording import explain

MIN_PHANTOM_DICE = 0.8
"""The phantom is a drawing; far below this the network or its input is broken."""


MAX_PHANTOM_ERROR_DEG = 5.0
"""Known angles of a drawing; farther off the corners or the measures are broken."""


def run_self_test(folder: Path, say: Callable[[str], None]) -> list[str]:
    """Analyse each sample, write its results into `folder`, and check them.

    Parameters
    ----------
    folder : Path
        Scratch folder.
    say : callable
        Takes one line of progress.

    Returns
    -------
    list of str
        What is wrong; empty when all is well.
    """
    # What came with the program, whatever its user installed and chose.
    models = ModelStore(models_dirs())
    problems = []
    samples = list_samples()
    if not samples:
        problems.append("no sample cases are installed")
    for sample in samples:
        try:
            analysis = run_to_end(analyze_file(sample.path, models, demonstration=True))
            files = write_bundle(analysis, folder / sample.name)
        except SpineAlignError as error:
            problems.append(f"{sample.name}: {explain(error).sentence}")
            continue
        found = [f"{sample.name}: {text}" for text in check_result(sample, analysis, files)]
        problems += found
        seconds = sum(analysis.seconds.values())
        say(f"{'FAILED' if found else 'ok':6} {sample.name} ({seconds:.2f} s, {len(files)} files)")
    return problems


def check_result(sample: SampleCase, analysis: Analysis, files: tuple[Path, ...]) -> list[str]:
    """Return what is wrong with a sample's result."""
    problems = []
    if analysis.examination is not sample.examination:
        problems.append(f"classified as {analysis.view_name}, should be {sample.examination.kind}")
    if not analysis.models:
        problems.append("no model gave a result")
    written = {path.name for path in files}
    by_name = {path.name: path for path in files}
    if "analysis.json" not in written or "report.pdf" not in written:
        return [*problems, "results are missing on disk"]
    json.loads(by_name["analysis.json"].read_text(encoding="utf-8"))
    truth_path = sample.path.parent / "truth_mask.png"
    if analysis.segmentation is not None and truth_path.is_file():
        truth = read_image(truth_path).pixels.astype(np.uint8)
        for value, name in analysis.segmentation.classes.items():
            dice = dice_coefficient(truth == value, analysis.segmentation.mask == value)
            if dice < MIN_PHANTOM_DICE:
                problems.append(f"{name} overlaps its truth by Dice {dice:.2f} only")
    return [*problems, *_wrong_measures(sample, analysis)]


def _wrong_measures(sample: SampleCase, analysis: Analysis) -> list[str]:
    """Return which known measures of a sample are missing or far off."""
    found = {m.code: m.value for m in analysis.measurements}
    problems = []
    for code, truth in sample.true_values.items():
        value = found.get(MeasureCode(code))
        if value is None or abs(value - truth) > MAX_PHANTOM_ERROR_DEG:
            problems.append(f"{code} is {value}, should be {truth}")
    return problems
