"""What the frozen part of a network makes of each picture, saved as it is made."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinealign.files import write_whole
from spinealign.imaging.fit import finish_input, place, plan_letterbox, scale_intensity
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.predict import region_of
from spinealign.training import augment
from spinealign.training.classifier import ClassifierRecipe, FrozenPart
from spinealign.training.own.kept import kept_under
from spinealign.training.own.pictures import Picture
from spinealign.training.progress import Progress
from spinealign.wording.training import kept_text

CHUNK = 16
"""Pictures whose features are written at once; what a kill costs at most."""


class FeatureStore:
    """Rows of features on the disk: of each picture first itself, then its changed copies.

    Only the rows asked for are read, so that memory does not grow with the data.

    Parameters
    ----------
    folder : Path
    pictures : int
    copies : int
    is_grey : bool
        Whether one channel is kept of three equal ones.
    """

    def __init__(self, folder: Path, pictures: int, copies: int, is_grey: bool) -> None:
        self.per_picture = 1 + copies
        self._is_grey = is_grey
        count = -(-pictures // CHUNK)
        self._chunks = [np.load(chunk_path(folder, n), mmap_mode="r") for n in range(count)]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row as the head takes it."""
        stored = self._chunks[0].shape[1:]
        return (*stored[:-1], 3) if self._is_grey else stored

    def values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows as the head takes them, (n, ...) float32."""
        size = CHUNK * self.per_picture
        found = np.stack([self._chunks[row // size][row % size] for row in rows])
        found = found.astype(np.float32)
        return np.repeat(found, 3, axis=-1) if self._is_grey else found


def chunk_path(folder: Path, number: int) -> Path:
    """Return where the features of pictures ``CHUNK * number`` and on lie."""
    return folder / f"{number:05d}.npy"


def compute_features(
    pictures: Sequence[Picture], recipe: ClassifierRecipe, base: FrozenPart, work: Path
) -> FeatureStore:
    """Prepare every picture and `recipe.copies` changed copies of it, and run the frozen part.

    Each chunk is kept in `work` as soon as it is there, under a key of the pictures' content and
    all settings that count; labels do not.

    Parameters
    ----------
    pictures : sequence of Picture
        With their checksums.
    recipe : ClassifierRecipe
    base : FrozenPart
    work : Path
    """
    parts = {
        "data": [(p.name, p.sha256) for p in pictures],
        "settings": [recipe.of_features(), base.sha256],
    }
    kept = kept_under(work, "features", parts)
    print(kept_text(kept.is_new, kept.differs_in, "features"), flush=True)
    count = -(-len(pictures) // CHUNK)
    missing = [n for n in range(count) if not chunk_path(kept.folder, n).is_file()]
    tell = Progress("features", "picture")
    todo = sum(len(pictures[n * CHUNK : (n + 1) * CHUNK]) for n in missing)
    done = 0
    outliner = None if recipe.region is None else ModelStore().load(recipe.region.model)
    for number in missing:
        values = []
        for picture in pictures[number * CHUNK : (number + 1) * CHUNK]:
            values.append(_seen(_with_copies(picture, recipe, outliner), base))
            done += 1
            tell(done, todo)
        _write_array(chunk_path(kept.folder, number), np.concatenate(values))
    return FeatureStore(kept.folder, len(pictures), recipe.copies, base.model is None)


def _write_array(path: Path, values: NDArray[np.generic]) -> None:
    content = io.BytesIO()
    np.save(content, values)
    write_whole(path, content.getvalue())


def _seen(inputs: NDArray[np.float32], base: FrozenPart) -> NDArray[np.floating]:
    if base.model is None:
        return inputs[..., :1].astype(np.float16)
    return np.asarray(base.model.predict_on_batch(inputs), np.float32)


def _with_copies(
    picture: Picture, recipe: ClassifierRecipe, outliner: LoadedModel | None
) -> NDArray[np.float32]:
    # A generator of its own: what a picture becomes does not depend on where a run was cut.
    rng = np.random.default_rng([recipe.seed, int(picture.sha256[:12] or "0", 16)])
    image = read_image(picture.path)
    if recipe.region is not None and outliner is not None:
        region = region_of(image, recipe.region, outliner)
        image = replace(image, pixels=np.ascontiguousarray(image.pixels[region]))
    scaled = scale_intensity(
        image.pixels, recipe.rule, bits=image.bits, is_hounsfield=image.is_hounsfield
    )
    box = plan_letterbox(image.shape, recipe.input_shape, image.pixel_aspect)
    fitted = place(scaled, box)
    versions = [fitted]
    centre = (fitted.shape[0] / 2, fitted.shape[1] / 2)
    nothing = np.zeros(fitted.shape, np.uint8)
    for _ in range(recipe.copies):
        matrix = augment.random_affine(
            recipe.input_shape, recipe.input_shape, centre, 1.0, recipe.geometry, rng
        )
        warped, _ = augment.warp_pair(fitted, nothing, matrix, recipe.input_shape)
        versions.append(
            augment.random_exposure(warped, rng)
            if recipe.exposure is None
            else augment.random_grey(warped, recipe.exposure, rng)
        )
    return np.stack([finish_input(v, recipe.rule) for v in versions])
