"""What ``spinealign train`` and ``spinealign package`` do: a recipe, its figures, its card."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from spinealign.domain.errors import DataSetError
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.domain.own_tasks import OWN_TASKS
from spinealign.files import write_whole
from spinealign.imaging.fit import to_network_input
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.radiograph import VertebraOutlines, outline_vertebrae
from spinealign.training import (
    classifier,
    ct_fracture,
    disc_data,
    disc_evaluate,
    disc_grading,
    disc_rules,
    disc_shipped,
    frontal_bodies,
    gate,
    gate_data,
    gate_evaluate,
    mr_structures,
    networks,
    recipes,
    spine_bodies,
    xray,
    xray_angles,
    xray_evaluate,
)
from spinealign.training.dataset import (
    content_of,
    load_mr_segmentation,
    require_own_data,
    split_patients,
)
from spinealign.training.evaluate import (
    dice_by_patient,
    mr_robustness,
)
from spinealign.training.own import commands as own_commands
from spinealign.training.own import crossing
from spinealign.training.own.about import earned_by_outlines
from spinealign.training.own.aims import aim_of_class
from spinealign.training.own.classifier_jobs import recipe_by_options
from spinealign.training.own.classify import calibrated, held_out_figures
from spinealign.training.own.kept import kept_under
from spinealign.training.own.looking import look_at
from spinealign.training.own.packaging import package_own
from spinealign.training.own.places import RESULTS, made_beside
from spinealign.training.package import (
    Precision,
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.xray_data import Film, load_films
from spinealign.wording import training as training_words
from spinealign.wording.trained import trained_lines


def run(options: argparse.Namespace) -> int:
    """Run the recipe that the command line chose."""
    commands: dict[str, Callable[[argparse.Namespace], ModelCard]] = {
        "mr-segmentation": train_mr,
        "mr-structures": train_structures,
        "ct-fracture": train_ct,
        **dict.fromkeys(OWN_TASKS, own_commands.by_options),
        "recipe": own_commands.by_recipe,
        "view-gate": train_gate,
        "xray-bodies": train_xray,
        "spine-bodies": train_spine,
        "spine-frontal": train_frontal,
        "disc-grading": train_discs,
        "package": package_own,
    }
    run_recipe = commands[options.recipe]
    card = run_recipe(options) if options.recipe in _TOLD_IN_WORDS else _beside(run_recipe, options)
    if options.recipe in _TOLD_IN_WORDS:
        print("\n".join(trained_lines(card, options.out, results_of(options))))
    else:
        print(json.dumps(dict(card.metrics), indent=2))
        print(f"wrote {options.out} ({card.sha256[:12]})")
    return 0


_TOLD_IN_WORDS = (*OWN_TASKS, "recipe", "package")
"""Commands for users' own data and networks; of the others the figures are printed as they are."""


def _beside(
    run_recipe: Callable[[argparse.Namespace], ModelCard], options: argparse.Namespace
) -> ModelCard:
    """Run the recipe of a shipped model, which puts it into its folder once it is measured."""

    def make(folder: Path) -> ModelCard:
        return run_recipe(argparse.Namespace(**{**vars(options), "out": folder}))

    return made_beside(options.out, options.work, options.replace, make)


def results_of(options: argparse.Namespace) -> Path | None:
    """Return where a training left curve, predictions and Keras model; None of `package`."""
    return options.work / RESULTS if hasattr(options, "work") else None


def train_mr(options: argparse.Namespace) -> ModelCard:
    """Train, convert, measure and package the sagittal MR segmentation."""
    require_own_data("mr-segmentation", options.data)
    recipe = recipes.MrRecipe()
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    if options.self_training_steps is not None:
        recipe = replace(recipe, self_training_steps=options.self_training_steps)
    unlabelled = None if options.unlabelled is None else content_of(options.unlabelled)
    parts = {"data": [content_of(options.data), unlabelled], "settings": asdict(recipe)}
    kept = kept_under(options.work, "mr-segmentation", parts)
    print(training_words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    trained = recipes.train_mr_segmentation(options.data, options.unlabelled, kept.folder, recipe)
    arguments: dict[str, Any] = {
        "input_shape": [recipe.input_px, recipe.input_px, 1],
        "classes": len(recipes.MR_CLASSES),
        "widths": list(recipe.widths),
        "batch_normalisation": False,
    }
    plain = fold_batch_normalisation(trained, networks.segmentation_unet(**arguments))
    slices = load_mr_segmentation(options.data)
    _, held_out = split_patients([s.patient for s in slices], recipe.held_out_fraction, recipe.seed)
    card = recipes.mr_card(recipe, arguments, unlabelled=options.unlabelled is not None)
    flatbuffer = to_litert(plain, "float16")
    card = write_model_folder(options.out, flatbuffer, card)
    shipped = _open(options.out)
    metrics: dict[str, Any] = {}
    for part, members in (
        ("validation", [s for s in slices if s.patient in held_out]),
        ("training", [s for s in slices if s.patient not in held_out]),
    ):
        figures, _ = dice_by_patient(shipped, members)
        metrics[part] = {"dice": figures, "slices": len(members)}
    metrics["validation"]["dice_when_changed"] = mr_robustness(
        shipped, [s for s in slices if s.patient in held_out]
    )
    status = earned_by_outlines(metrics["validation"]["dice"])
    card = replace(card, metrics=metrics, status=status)
    return write_model_folder(options.out, flatbuffer, card)


def train_structures(options: argparse.Namespace) -> ModelCard:
    """Train and package the outlines of MR from any scanner; figures come by benchmark."""
    recipe = mr_structures.MrStructuresRecipe(left_out=tuple(options.leave_out))
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    if options.self_training_steps is not None:
        recipe = replace(recipe, self_training_steps=options.self_training_steps)
    cache = options.cache or options.work / "cache"
    mr_structures.train_mr_structures(options.data, options.start, options.work, cache, recipe)
    return mr_structures.export(options.work, options.out, recipe)


def train_ct(options: argparse.Namespace) -> ModelCard:
    """Cross-validate by series, train on everything, and package the CT classifier."""
    require_own_data("ct-fracture", options.data)
    rule = IntensityRule(window_hu=ct_fracture.CT_WINDOW_HU, channels="vgg_caffe")
    recipe = recipe_by_options(options, rule)
    looked = look_at(ct_fracture.base_slices(options.data))
    found = looked.found
    if options.positive not in found.classes or len(found.classes) != 2:
        raise DataSetError(training_words.no_classes(found.classes, options.positive))
    base = classifier.frozen_part(recipe, options.imagenet)
    folds = ct_fracture.make_folds(found, options.positive)
    aim = aim_of_class(found.pictures, options.positive)
    trained = crossing.train_crossed(found.pictures, aim, folds, recipe, base, options.work)
    temperature, p = calibrated(trained, found, options.positive)
    figures = held_out_figures(found, options.positive, p)
    card = ct_fracture.ct_card(recipe, found.classes, options.positive, temperature, figures, found)
    return _write(options.out, trained.model, "int8" if recipe.head == "lean" else "float16", card)


def train_gate(options: argparse.Namespace) -> ModelCard:
    """Cross-validate over sources, train on everything, and package the view gate."""
    recipe = gate.GateRecipe()
    if options.steps is not None:
        recipe = replace(
            recipe, epochs=options.steps, draws_a_kind=options.steps,
            own_draws=options.steps, neck_draws=options.steps,
        )  # fmt: skip
    pictures = gate.gather_pictures(options.data, options.negatives, options.work, recipe)
    eyes = gate.frozen_features(options.imagenet, recipe)
    seen = gate.see(pictures, eyes, recipe, options.work)
    head = gate.train_head(seen, np.ones(len(seen.index), bool), recipe)
    rule, metrics = gate.measure(seen, head, recipe)
    model = gate.assemble(options.imagenet, head, recipe)
    card = gate.gate_card(recipe, rule, pictures, metrics)
    card = _write(options.out, model, "int8", card)
    if options.held_out is None:
        return card
    held_out = gate_data.load_foreign(options.held_out)
    answers = [_recognised(_open(options.out), picture) for picture in held_out]
    p, away = (np.array(values, np.float32) for values in zip(*answers, strict=True))
    metrics["held_out_sources"] = gate_evaluate.figures(held_out, p, away, rule)
    return _write(options.out, model, "int8", replace(card, metrics=metrics))


def _recognised(
    model: LoadedModel, picture: gate_data.GatePicture
) -> tuple[tuple[float, ...], float]:
    card = model.card
    batch, _ = to_network_input(
        picture.pixels.astype(np.float32), card.input_shape, card.intensity,
        bits=8, is_hounsfield=False,
    )  # fmt: skip
    return model.recognise(batch)


def train_xray(options: argparse.Namespace) -> ModelCard:
    """Train, convert, measure and package the lateral film's bodies."""
    recipe = xray.XrayRecipe()
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    negatives = options.negatives or []
    trained = xray.train_xray_bodies(options.data, negatives, options.start, options.work, recipe)
    plain = fold_batch_normalisation(trained, networks.vertebra_unet(**recipe.arguments()))
    started_from = None if options.start is None else options.start.name
    training, held_out = xray.split_full_size(options.data, recipe)
    card = xray.xray_card(
        recipe,
        films=(len(training), len(held_out)),
        started_from=started_from,
        negatives=bool(negatives),
    )
    card = _write(options.out, plain, "float16", card)
    figures = _xray_figures(_open(options.out), recipe, held_out, options)
    card = replace(card, metrics=figures)
    return _write(options.out, plain, "float16", card)


def train_spine(options: argparse.Namespace) -> ModelCard:
    """Train and package the network for lateral films of any source; figures come by benchmark."""
    recipe = spine_bodies.SpineRecipe(
        left_out=tuple(options.leave_out), spine_films=options.spine_films
    )
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    if options.appearance_share is not None:
        recipe = replace(recipe, styled_share=options.appearance_share)
    spine_bodies.train_spine_bodies(
        options.data, options.start, options.work, options.work / "cache", recipe, options.workers
    )
    return spine_bodies.export(options.work, options.out, recipe)


def train_frontal(options: argparse.Namespace) -> ModelCard:
    """Train and package the network for frontal films; figures come by benchmark."""
    recipe = frontal_bodies.FrontalRecipe(left_out=tuple(options.leave_out), films=options.films)
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    frontal_bodies.train_frontal_bodies(
        options.data, options.start, options.work, recipe, options.workers
    )
    return frontal_bodies.export(options.work, options.out, recipe)


def _xray_figures(
    model: LoadedModel,
    recipe: xray.XrayRecipe,
    held_out: Sequence[Film],
    options: argparse.Namespace,
) -> dict[str, Any]:
    def outline(image: SpineImage) -> VertebraOutlines:
        return outline_vertebrae(model, image)

    scores = [xray_evaluate.score_film(outline, xray_evaluate.as_case(f)) for f in held_out]
    figures: dict[str, Any] = {
        "validation": _film_figures(scores),
        "robustness": xray_evaluate.robustness_table(outline, held_out),
    }
    picture = xray_angles.bland_altman(scores)
    if picture is not None:
        write_whole(options.work / "bland-altman.png", picture)
    if options.necks is not None:
        cases = [xray_evaluate.as_case(film) for film in load_films(options.necks)]
        necks = [xray_evaluate.score_film(outline, case) for case in cases]
        figures["whole_necks"] = _film_figures(necks)
        scores = [*necks, *scores]
    folders = options.negatives or []
    pictures = [p for f in folders for p in xray.load_negatives(f, recipe, for_training=False)]
    if pictures:
        figures["pictures_without_column"] = xray_evaluate.falsely_outlined(outline, pictures)
    if options.report is not None:
        _, png = cv2.imencode(".png", xray_evaluate.contact_sheet(scores))
        write_whole(options.report, png.tobytes())
    return figures


def _film_figures(scores: Sequence[xray_evaluate.Score]) -> dict[str, Any]:
    alignment = xray_angles.summarise_measures(scores)
    return {**xray_evaluate.summarise(scores), "alignment": alignment}


def train_discs(options: argparse.Namespace) -> ModelCard:
    """Cross-validate by patient, train on everybody, and package the disc grader."""
    recipe = disc_grading.DiscRecipe()
    if options.steps is not None:
        recipe = replace(recipe, epochs=options.steps)
    slices = disc_data.list_slices(options.data)
    grades = disc_data.without_placeholders(disc_data.read_grades(options.data), slices)
    segmentation = ModelStore().load("mr_segmentation")
    discs = disc_data.prepare(
        options.data, segmentation, options.imagenet, options.work,
        recipe.copies, recipe.rule, recipe.seed,
    )  # fmt: skip
    logits = disc_grading.cross_validate(discs, grades, recipe, options.work)
    metrics, cases = _disc_figures(discs, grades, logits, recipe, options.work)
    graders = {
        contrast: disc_grading.train_grader(
            discs, disc_grading.make_samples(discs, grades, contrast), contrast, recipe
        )
        for contrast in disc_grading.CONTRASTS
    }
    fitted = disc_rules.fit(cases)
    grading = replace(
        disc_grading.sign_rule({name: grader.knots for name, grader in graders.items()}),
        weights={"t1": tuple(float(v) for v in fitted.t1_share)},
        grades=fitted.rules,
    )
    model, arguments = disc_shipped.assemble(graders, options.imagenet, recipe)
    card = disc_shipped.disc_card(recipe, arguments, grading, metrics, discs)
    return _write(options.out, model, "int8", card)


def _disc_figures(
    discs: disc_data.DiscSet,
    grades: disc_data.Grades,
    logits: Any,
    recipe: disc_grading.DiscRecipe,
    work: Path,
) -> tuple[dict[str, Any], disc_rules.Cases]:
    keys = sorted(grades)
    t2, t1 = (disc_data.by_place(discs, logits, keys, contrast) for contrast in ("t2", "t1"))
    cases = disc_rules.make_cases(grades, t2, t1)
    folds = disc_grading.assign_folds([patient for patient, _ in keys], recipe)
    scored = disc_evaluate.cross_fitted(cases, folds)
    write_whole(work / "calibration.png", disc_evaluate.calibration_picture(scored))
    counted = disc_data.count_discs(discs)
    outlined = set(disc_evaluate.OUTLINED_PATIENTS)
    others = [key for key in keys if key[0] not in outlined]
    misnamed = tuple(disc_grading.LOOKED_UP_SHIFTS)
    metrics = {
        "cross_validation": disc_evaluate.figures(scored),
        "detection": disc_evaluate.detection(keys, counted, misnamed),
        "detection_without_outlined_patients": disc_evaluate.detection(others, counted, misnamed),
    }
    for contrast in disc_grading.CONTRASTS:
        seen = cases.only(contrast)
        alone = disc_evaluate.cross_fitted(seen.of(seen.given != ""), folds)
        metrics[f"cross_validation_{contrast}_alone_found_discs"] = disc_evaluate.figures(alone)
    return metrics, cases


def _write(folder: Path, model: keras.Model, precision: Precision, card: ModelCard) -> ModelCard:
    return write_model_folder(folder, to_litert(model, precision), card)


def _open(folder: Path) -> LoadedModel:
    return ModelStore([folder.parent]).load(folder.name)
