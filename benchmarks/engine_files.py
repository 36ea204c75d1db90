"""What `engines.py` runs: inputs that the networks get of real pictures, and weights for each way.

A network is quantised on what it was given of pictures that its training may have seen; answers
are compared on pictures kept aside (`kept_aside`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from spinealign.analysis import analyze_image
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.generators import run_to_end
from spinealign.domain.model_card import ModelCard
from spinealign.gate.classify import classify_kind
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import list_samples
from spinealign.inference.catalog import ModelStore, open_litert
from spinealign.inference.engine import Array, Engine
from spinealign.inference.litert_engine import LiteRtEngine
from spinealign.training.dataset import split_patients
from spinealign.training.frontal_films import HELD_OUT, part_of, patient_of, table
from spinealign.training.recipes import MrRecipe
from spinealign.training.xray import XrayRecipe

Inputs = Mapping[str, Array]
"""All that a network is given at once, by the names of its inputs."""

Picture = tuple[Path, ExaminationKind]

NECK, CT, MR, SPINE, FRONTAL = ExaminationKind
GATE = "view_gate"


@dataclass(frozen=True)
class Way:
    """One way to run a network.

    Parameters
    ----------
    name : str
    open : callable
        From a weights file, its card and a number of threads to an engine.
    weights : str
        File made for it from the shipped one; empty where it takes that itself.
    """

    name: str
    open: Callable[[Path, ModelCard, int], Engine]
    weights: str = ""

    def engine(self, made: Path, card: ModelCard, threads: int) -> Engine:
        """Open the network of a card, whose weights for this way lie in ``made/NAME``."""
        shipped = ModelStore().folder_of(card.name) / card.weights
        own = made / card.name / self.weights
        return self.open(own if self.weights else shipped, card, threads)

    def store(self, made: Path, threads: int) -> ModelStore:
        """Return the shipped models, all of them run this way."""
        return ModelStore(open_engine=lambda _path, card: self.engine(made, card, threads))


class OpenVinoEngine:
    """A network in OpenVINO's own files on the CPU, behind the interface of engines.

    Parameters
    ----------
    path : Path
        The ``.xml`` with its ``.bin`` beside it.
    threads : int
    precision : str, optional
        What it computes in; left out, it chooses: bfloat16 where the processor has it.
    """

    name = "OpenVINO"

    def __init__(self, path: Path, threads: int, precision: str | None = None) -> None:
        import openvino

        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        network = openvino.Core().compile_model(path, "CPU", settings)
        self.precision = network.get_property("INFERENCE_PRECISION_HINT").to_string()
        self._names = {port.get_any_name(): port for port in network.outputs}
        self._request = network.create_infer_request()

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        """Return the named outputs for `batch` (n, h, w, C) and further named inputs."""
        found = self._request.infer({"image": batch, **others})
        # LiteRT's answers are copies too: the next call writes into these.
        return {name: np.array(found[port], np.float32) for name, port in self._names.items()}


def _open_litert(path: Path, _card: ModelCard, threads: int) -> Engine:
    return LiteRtEngine(path, threads)


def _open_keras(path: Path, card: ModelCard, _threads: int) -> Engine:
    from spinealign.training.keras_engine import open_keras

    return open_keras(path, card)


def _open_openvino(path: Path, _card: ModelCard, threads: int) -> Engine:
    return OpenVinoEngine(path, threads)


def _open_openvino_float32(path: Path, _card: ModelCard, threads: int) -> Engine:
    return OpenVinoEngine(path, threads, "f32")


LITERT = Way("LiteRT", _open_litert)
KERAS = Way("Keras", _open_keras)
OPENVINO = (
    Way("OpenVINO float32", _open_openvino_float32, "openvino.xml"),
    Way("OpenVINO", _open_openvino, "openvino.xml"),
)
OPENVINO_INT8 = Way("OpenVINO int8", _open_openvino, "openvino_int8.xml")
LITERT_INT8 = (
    Way("LiteRT int8 weights", _open_litert, "weights_int8.tflite"),
    Way("LiteRT int8", _open_litert, "int8.tflite"),
)


@dataclass
class _Recorded:
    """An engine that keeps what it is given, up to a number of inputs."""

    engine: Engine
    most: int
    inputs: list[Inputs] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.engine.name

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        if len(self.inputs) < self.most:
            given = {"image": batch, **others}
            self.inputs.append({name: value.copy() for name, value in given.items()})
        return self.engine.run(batch, **others)


def recorded(pictures: Sequence[Picture], most: int) -> dict[str, list[Inputs]]:
    """Return what each network is given while pictures are analysed, the gate before them.

    A kind of picture is left once its networks have been given enough.
    """
    engines: dict[str, _Recorded] = {}

    def record(path: Path, card: ModelCard) -> Engine:
        return engines.setdefault(card.name, _Recorded(open_litert(path, card), most))

    store, done = ModelStore(open_engine=record), set[ExaminationKind]()
    for path, kind in pictures:
        if kind in done:
            continue
        before = {name: len(each.inputs) for name, each in engines.items()}
        image = read_image(path)
        classify_kind(image, store.load(GATE))
        run_to_end(analyze_image(image, store, kind.examination, demonstration=True))
        asked = {n for n, each in engines.items() if len(each.inputs) > before.get(n, 0)} - {GATE}
        if not asked:
            done.add(kind)
    return {name: each.inputs for name, each in engines.items()}


def sample_inputs(most: int = 8) -> dict[str, list[Inputs]]:
    """Return what each network is given of the shipped samples."""
    return recorded([(each.path, each.examination.kind) for each in list_samples()], most)


def kept_aside(data: Path, count: int) -> list[Picture]:
    """Return pictures of each kind in turn that the networks' training did not see.

    Of whole-spine films there are none: training has seen them all.
    """
    return _in_turn(_sets(data, is_kept=True), count)


def seen_in_training(data: Path, count: int) -> list[Picture]:
    """Return pictures of each kind in turn that are not among those kept aside."""
    return _in_turn(_sets(data, is_kept=False), count)


def _in_turn(sets: Mapping[ExaminationKind, Sequence[Path]], count: int) -> list[Picture]:
    chosen = [[(path, kind) for path in _spread(own, count)] for kind, own in sets.items()]
    return [one for line in zip_longest(*chosen) for one in line if one is not None]


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """Return `count` of them from all over."""
    places = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [paths[place] for place in places]


def _sets(data: Path, *, is_kept: bool) -> dict[ExaminationKind, list[Path]]:
    return {
        NECK: _neck_films(data / "xray_lateral", is_kept),
        SPINE: sorted((data / "xray_spine_lateral" / "images").glob("*.webp"))[is_kept::2],
        FRONTAL: _frontal_films(data / "xray_spine_ap", is_kept),
        MR: _slices(data / "mr_sagittal_segmentation", is_kept),
        CT: sorted((data / "ct_fracture" / ("val" if is_kept else "train")).glob("*/*.png")),
    }


def _neck_films(folder: Path, is_kept: bool) -> list[Path]:
    recipe, names = XrayRecipe(), [path.stem for path in folder.glob("annotations/*.json")]
    chosen = split_patients(names, recipe.held_out_fraction, recipe.seed)[is_kept]
    return sorted(folder / "images" / f"{name}.jpg" for name in chosen)


def _frontal_films(folder: Path, is_kept: bool) -> list[Path]:
    names = [
        row["name"]
        for row in table(folder)
        if (part_of(patient_of(row["source_name"])) == HELD_OUT) is is_kept
    ]
    return sorted(folder / "images" / f"{name}.webp" for name in names)


def _slices(folder: Path, is_kept: bool) -> list[Path]:
    recipe = MrRecipe()
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        patients = {row["name"]: row["patient"] for row in csv.DictReader(stream)}
    chosen = split_patients(patients.values(), recipe.held_out_fraction, recipe.seed)[is_kept]
    names = sorted(name for name, patient in patients.items() if patient in chosen)
    return [folder / "images" / f"{name}.webp" for name in names]


def make_openvino(made: Path, cards: Sequence[ModelCard]) -> None:
    """Write the shipped weights of each card as files of OpenVINO, as precise as they are."""
    import openvino

    for card in cards:
        shipped = ModelStore().folder_of(card.name) / card.weights
        target = made / card.name / "openvino.xml"
        target.parent.mkdir(parents=True, exist_ok=True)
        network = named(openvino.Core().read_model(shipped), shipped)
        openvino.save_model(network, target, compress_to_fp16=False)


def named(network: Any, flatbuffer: Path) -> Any:
    """Give the inputs and outputs of a network in OpenVINO the names of its signature."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(flatbuffer)).get_signature_runner()
    details = {**runner.get_input_details(), **runner.get_output_details()}
    names = {each["name"]: name for name, each in details.items()}
    for port in (*network.inputs, *network.outputs):
        old = next(name for name in port.get_names() if name in names)
        port.get_tensor().set_names({names[old]})
    return network


def make_int8(
    made: Path, card: ModelCard, inputs: Sequence[Inputs], *, with_openvino: bool
) -> None:
    """Quantise a network on real inputs: for OpenVINO by nncf, for LiteRT by TensorFlow.

    Weights alone are quantised only where those that ship are not.
    """
    import tensorflow as tf

    from spinealign.training.keras_engine import build, set_stored_weights, stored_layers
    from spinealign.training.package import litert_converter, to_litert

    folder = made / card.name
    folder.mkdir(parents=True, exist_ok=True)
    model = build(card.architecture)
    shipped = ModelStore().folder_of(card.name) / card.weights
    set_stored_weights(model, list(stored_layers(shipped.read_bytes())))
    (folder / "float32.tflite").write_bytes(to_litert(model, "float32"))
    (folder / LITERT_INT8[0].weights).write_bytes(to_litert(model, "int8"))
    with litert_converter(model) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _one_by_one(inputs)
        (folder / LITERT_INT8[1].weights).write_bytes(converter.convert())
    if with_openvino:
        _quantise_for_openvino(folder, inputs)


def _one_by_one(inputs: Sequence[Inputs]) -> Iterator[dict[str, Array]]:
    yield from (dict(one) for one in inputs)


def _quantise_for_openvino(folder: Path, inputs: Sequence[Inputs]) -> None:
    import nncf
    import openvino

    flat = folder / "float32.tflite"
    network = named(openvino.Core().read_model(flat), flat)
    examples = nncf.Dataset([dict(one) for one in inputs])
    quantised = nncf.quantize(network, examples, subset_size=len(inputs))
    openvino.save_model(quantised, folder / OPENVINO_INT8.weights)
