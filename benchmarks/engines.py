"""LiteRT beside Keras on the shipped weights: time a picture, load time, and agreement.

Run: ``python benchmarks/engines.py [--runs 20]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from spinealign.inference.catalog import ModelStore
from spinealign.training.keras_engine import open_keras


def timed(action):
    started = time.perf_counter()
    value = action()
    return value, time.perf_counter() - started


def random_inputs(card):
    """Return a picture and what the network is told besides, both of one seed."""
    chance = np.random.default_rng(0)
    channels = 1 if card.intensity.channels == "grey" else 3
    batch = chance.uniform(0, 1, (1, *card.input_shape, channels))
    batch = (batch * (255 if card.intensity.channels == "vgg_caffe" else 1)).astype(np.float32)
    if card.grading is None:
        return batch, {}
    signs = chance.standard_normal((1, len(card.grading.sign_names))).astype(np.float32)
    return batch, {"signs": signs}


def compare(name: str, runs: int) -> None:
    stores = {"LiteRT": ModelStore(), "Keras": ModelStore(open_engine=open_keras)}
    models, loading = {}, {}
    for engine, store in stores.items():
        models[engine], loading[engine] = timed(lambda store=store: store.load(name))
    card = models["LiteRT"].card
    batch, others = random_inputs(card)
    seconds = {engine: [] for engine in models}
    answers = {}
    for number in range(runs + 1):
        for engine, model in models.items():
            answers[engine], taken = timed(lambda model=model: model.engine.run(batch, **others))
            if number:
                seconds[engine].append(taken)
    print(f"{card.name} {card.version}")
    for engine in models:
        median = statistics.median(seconds[engine])
        print(
            f"  {engine:7} load {loading[engine]:6.2f} s   one picture {1000 * median:7.1f} ms "
            f"({1000 * min(seconds[engine]):.1f}-{1000 * max(seconds[engine]):.1f})"
        )
    for output, value in answers["LiteRT"].items():
        gap = np.abs(value - answers["Keras"][output]).max()
        print(f"  largest gap of {output}: {gap:.2e} (values to {np.abs(value).max():.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    for card in ModelStore().cards():
        compare(card.name, options.runs)


if __name__ == "__main__":
    main()
