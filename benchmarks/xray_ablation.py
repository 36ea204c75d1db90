"""What each part of the lateral film's recipe brings: short trainings with one part left out.

Every run sees the same films in the same order for the same number of steps; figures are for
the held-out films as they are, pasted at a random place into 1000 x 1000, and for whole necks
of other sources. Short runs rank parts; they do not reach the shipped model's figures.

Run: ``python benchmarks/xray_ablation.py --data DATA --steps 220 --work work/ablation``
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from spinealign.inference.catalog import ModelStore
from spinealign.radiograph import outline_vertebrae, outlines
from spinealign.radiograph.coarse_to_fine import find_column
from spinealign.training import networks, xray, xray_evaluate
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.xray_data import load_films
from spinealign.training.xray_patches import PatchSettings

ROOT = Path(__file__).resolve().parent.parent
START = ROOT / "models" / "mr_segmentation"


def variants(recipe):
    settings = PatchSettings(crop=recipe.crop, rule=recipe.rule)
    return {
        "everything": (settings, START),
        "films as they are (no neck in the middle, no shoulders)": (
            replace(settings, surrounded_share=0.0),
            START,
        ),
        "no pictures without a column": (replace(settings, negative_share=0.0), START),
        "random start instead of the MR encoder": (settings, None),
    }


def train(name, settings, start, recipe, options):
    folder = options.work / "".join(c if c.isalnum() else "_" for c in name)[:40]
    negatives = [options.data / n for n in ("ct_fracture", "mr_sagittal_segmentation")]
    trained = xray.train_xray_bodies(
        options.data / "xray_lateral", negatives, start, folder, recipe, settings
    )
    plain = fold_batch_normalisation(trained, networks.vertebra_unet(**recipe.arguments()))
    card = xray.xray_card(recipe, films=(0, 0), started_from=None, negatives=True)
    write_model_folder(folder / "model", to_litert(plain, "float16"), card)
    return ModelStore([folder]).load("model")


def measure(model, films, necks):
    def outline(image):
        return outline_vertebrae(model, image)

    def score(cases):
        scores = [xray_evaluate.score_film(outline, case) for case in cases]
        levels = [d for s in scores for d in s.level_dice.values()]
        named = np.mean([s.names_right for s in scores])
        return f"{np.mean([s.dice for s in scores]):.3f} {np.mean(levels):.3f} {named:4.0%}"

    pasted = xray_evaluate.variants(np.random.default_rng(0))["pasted into 1000 x 1000"]
    return [
        score([xray_evaluate.as_case(f) for f in films]),
        score([pasted(xray_evaluate.as_case(f)) for f in films]),
        score([xray_evaluate.as_case(f) for f in necks]),
    ]


def report(name, cells):
    print(f"{name:58}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=220)
    parser.add_argument("--only", default="", help="trainings whose name holds this")
    options = parser.parse_args()
    recipe = replace(xray.XrayRecipe(), steps=options.steps)
    _, films = xray.split_full_size(options.data / "xray_lateral", recipe)
    necks = load_films(options.data / "xray_lateral_neck")
    print(f"{options.steps} steps each; {len(films)} held-out films, {len(necks)} whole necks")
    print("all-body Dice, per-level Dice, films named right")
    report("", ["held out", "pasted", "whole necks"])
    shipped = ModelStore().load("xray_bodies")
    report("shipped weights", measure(shipped, films, necks))
    kept = outlines.predict_fine
    outlines.predict_fine = lambda _model, _image, whole: find_column(whole)
    report("shipped weights, one look at the whole film only", measure(shipped, films, necks))
    outlines.predict_fine = kept
    for name, (settings, start) in variants(recipe).items():
        if options.only in name:
            report(name, measure(train(name, settings, start, recipe, options), films, necks))


if __name__ == "__main__":
    main()
