"""The networks, as plain functions of their sizes (so that tests can build tiny ones)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

VGG16_BLOCKS: tuple[tuple[int, int], ...] = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def segmentation_unet(
    input_shape: tuple[int, int, int],
    classes: int,
    widths: Sequence[int],
    *,
    batch_normalisation: bool = True,
) -> keras.Model:
    """Build a U-Net that works at half resolution and answers at full resolution.

    The stem halves the image and the last transposed convolution doubles it
    again: a quarter of the arithmetic of the plain U-Net (Ronneberger 2015) with
    sub-pixel edges kept by the learned up-sampling.

    Parameters
    ----------
    input_shape : tuple of int
        (h, w, channels); h and w multiples of ``2 ** len(widths)``.
    classes : int
        Output channels, background first.
    widths : sequence of int
        Filters of each level, finest first.
    batch_normalisation : bool
        False builds the same network for inference, where normalisation is
        folded into the convolutions (see `package.fold_batch_normalisation`).

    Returns
    -------
    keras.Model
        Output ``(batch, h, w, classes)``: logits, no softmax.
    """
    image = layers.Input(input_shape, name="image")
    x = _unet_features(image, widths, batch_normalisation)
    logits = layers.Conv2DTranspose(classes, 2, strides=2, name="logits", dtype="float32")(x)
    return keras.Model(image, logits, name="segmentation_unet")


def vertebra_unet(
    input_shape: tuple[int, int, int],
    classes: int,
    corners: int,
    widths: Sequence[int],
    *,
    batch_normalisation: bool = True,
    joined: bool = False,
) -> keras.Model:
    """Build the U-Net of `segmentation_unet` with a second head for corner heat maps.

    Parameters
    ----------
    corners : int
        Heat maps, as logits of a sigmoid.
    joined : bool
        True gives one output ``(batch, h, w, classes + corners)``, as the
        training loop takes it; the weights are the same.

    Returns
    -------
    keras.Model
        Outputs ``logits`` (batch, h, w, classes) and ``corners`` (batch, h, w, corners).
    """
    image = layers.Input(input_shape, name="image")
    x = _unet_features(image, widths, batch_normalisation)
    logits = layers.Conv2DTranspose(classes, 2, strides=2, name="logits", dtype="float32")(x)
    x = _conv_block(x, widths[0], "corner", batch_normalisation)
    # Corners are rare: starting from "nowhere" keeps the first steps calm.
    heat = layers.Conv2DTranspose(
        corners, 2, strides=2, name="corners", dtype="float32",
        bias_initializer=keras.initializers.Constant(-4.0),
    )(x)  # fmt: skip
    outputs = layers.Concatenate(name="joined")([logits, heat]) if joined else [logits, heat]
    return keras.Model(image, outputs, name="vertebra_unet")


def spine_unet(
    input_shape: tuple[int, int, int],
    classes: int,
    corners: int,
    widths: Sequence[int],
    *,
    batch_normalisation: bool = True,
    joined: bool = False,
) -> keras.Model:
    """Build `vertebra_unet` with a third head that tells each body's level.

    Levels are a regression with its own uncertainty (Kendall & Gal 2017,
    arXiv:1703.04977), because neighbouring bodies look alike: where a crop shows neither
    end of the column, the level is known to within a few bodies only.

    Returns
    -------
    keras.Model
        Outputs ``logits`` (batch, h, w, classes), ``corners`` (batch, h, w, corners) and
        ``levels`` (batch, h, w, 2): the level's number, centred and scaled, and the
        logarithm of the scale of its Laplace distribution. `joined` gives them in one.
    """
    image = layers.Input(input_shape, name="image")
    x = _unet_features(image, widths, batch_normalisation)
    level = _conv_block(x, widths[0], "level", batch_normalisation)
    # What tells levels apart tells S1 from L5 too.
    both = layers.Concatenate(name="body_and_level")([x, level])
    logits = layers.Conv2DTranspose(classes, 2, strides=2, name="logits", dtype="float32")(both)
    levels = layers.Conv2DTranspose(2, 2, strides=2, name="levels", dtype="float32")(level)
    x = _conv_block(x, widths[0], "corner", batch_normalisation)
    heat = layers.Conv2DTranspose(
        corners, 2, strides=2, name="corners", dtype="float32",
        bias_initializer=keras.initializers.Constant(-4.0),
    )(x)  # fmt: skip
    heads = [logits, heat, levels]
    outputs = layers.Concatenate(name="joined", dtype="float32")(heads) if joined else heads
    return keras.Model(image, outputs, name="spine_unet")


def frontal_unet(
    input_shape: tuple[int | None, int | None, int],
    widths: Sequence[int],
    context: Sequence[int] = (2, 4),
    *,
    batch_normalisation: bool = True,
    joined: bool = False,
) -> keras.Model:
    """Build the U-Net of `spine_unet` for frontal films, which answers at half resolution.

    At its bottom, dilated convolutions let every place see the whole column, whose ends
    tell how bodies are counted. The heads differ in width, so that no two of their
    convolutions have the same shape.

    Parameters
    ----------
    context : sequence of int
        Dilations at the bottom, each added to what it looks at.

    Returns
    -------
    keras.Model
        Outputs ``logits`` (batch, h/2, w/2, 2): background and body; ``corners`` (.., 5): four
        corners and the body's centre, as logits of a sigmoid; ``levels`` (.., 2) as those of
        `spine_unet`; ``offsets`` (.., 8): x and y from each cell to the four corners of its
        body, scaled. `joined` gives them in one, in this order.
    """
    image = layers.Input(input_shape, name="image")
    x = _unet_features(image, widths, batch_normalisation, context)
    level = _conv_block(x, widths[0] * 3 // 2, "level", batch_normalisation)
    offset = _conv_block(x, widths[0] * 5 // 4, "offset", batch_normalisation)
    corner = _conv_block(x, widths[0], "corner", batch_normalisation)
    heads = [
        layers.Conv2D(2, 1, name="logits", dtype="float32")(x),
        layers.Conv2D(
            5, 1, name="corners", dtype="float32",
            bias_initializer=keras.initializers.Constant(-4.0),
        )(corner),
        layers.Conv2D(2, 1, name="levels", dtype="float32")(level),
        layers.Conv2D(8, 1, name="offsets", dtype="float32")(offset),
    ]  # fmt: skip
    outputs = layers.Concatenate(name="joined", dtype="float32")(heads) if joined else heads
    return keras.Model(image, outputs, name="frontal_unet")


def landmark_unet(
    input_shape: tuple[int, int, int],
    points: int,
    widths: Sequence[int],
    context: Sequence[int] = (2, 4),
    *,
    batch_normalisation: bool = True,
) -> keras.Model:
    """Build the U-Net of `frontal_unet` with one head: a heat map for each named point.

    Returns
    -------
    keras.Model
        Output ``points`` (batch, h/2, w/2, points), as logits of a sigmoid.
    """
    image = layers.Input(input_shape, name="image")
    x = _unet_features(image, widths, batch_normalisation, context)
    x = _conv_block(x, widths[0], "point", batch_normalisation)
    # Points are rare: starting from "nowhere" keeps the first steps calm.
    heat = layers.Conv2D(
        points, 1, name="points", dtype="float32",
        bias_initializer=keras.initializers.Constant(-4.0),
    )(x)  # fmt: skip
    return keras.Model(image, heat, name="landmark_unet")


def _conv_block(
    x: Any, filters: int, name: str, batch_normalisation: bool, strides: int = 1,
    dilation: int = 1,
) -> Any:  # fmt: skip
    x = layers.Conv2D(
        filters, 3, strides=strides, padding="same", dilation_rate=dilation,
        use_bias=not batch_normalisation, name=f"{name}_conv",
    )(x)  # fmt: skip
    if batch_normalisation:
        x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _unet_features(
    image: Any, widths: Sequence[int], batch_normalisation: bool, context: Sequence[int] = ()
) -> Any:
    def block(x: Any, filters: int, name: str, strides: int = 1) -> Any:
        return _conv_block(x, filters, name, batch_normalisation, strides)

    x = block(image, widths[0], "stem", strides=2)
    skips = []
    for level, filters in enumerate(widths[:-1]):
        x = block(block(x, filters, f"down{level}a"), filters, f"down{level}b")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"down{level}_pool")(x)
    x = block(block(x, widths[-1], "bottom_a"), widths[-1], "bottom_b")
    for dilation in context:
        wider = _conv_block(
            x, widths[-1], f"context{dilation}", batch_normalisation, dilation=dilation
        )
        x = layers.Add(name=f"context{dilation}_join")([x, wider])
    for level in reversed(range(len(widths) - 1)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"up{level}")(x)
        x = layers.Concatenate(name=f"up{level}_join")([x, skips[level]])
        x = block(block(x, widths[level], f"up{level}a"), widths[level], f"up{level}b")
    return x


def vgg16_base(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
    *,
    pool_last: bool = True,
) -> tuple[Any, Any]:
    """Build VGG16's convolutions (Simonyan & Zisserman 2015), Keras layer names.

    Returns
    -------
    image, features : Keras tensors
        With `pool_last` False the last pooling is left out, which keeps the
        14 x 14 map that a class activation map needs.
    """
    image = x = layers.Input(input_shape, name="image")
    for b, (count, filters) in enumerate(blocks, start=1):
        for c in range(1, count + 1):
            name = f"block{b}_conv{c}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        if b < len(blocks) or pool_last:
            x = layers.MaxPooling2D(2, name=f"block{b}_pool")(x)
    return image, x


def vgg16_report(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
    hidden: int = 1024,
    dropout: float = 0.5,
) -> keras.Model:
    """Build the Spine Align report's classifier: Flatten, Dense 1024, Dense 1 sigmoid.

    With the default sizes it has 40,406,849 parameters, as the report's table
    prints, and loads weights saved from that program.
    """
    image, x = vgg16_base(input_shape, blocks)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(hidden, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(
        image, layers.Dense(1, activation="sigmoid", name="dense_2")(x), name="vgg16_report"
    )


def vgg16_cam(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
) -> keras.Model:
    """Build the lean classifier: global average pooling, one logit, and its activation map.

    The second output is the class activation map of Zhou et al. 2016
    (10.1109/CVPR.2016.319): the same 1 x 1 weights applied to every place of the
    last convolution. Its mean is the logit, so the map explains the number
    exactly and needs no gradient at run time.

    Returns
    -------
    keras.Model
        Outputs ``logit`` (batch, 1) and ``activation_map`` (batch, h/16, w/16, 1).
    """
    image, x = vgg16_base(input_shape, blocks, pool_last=False)
    activation_map = layers.Conv2D(1, 1, name="activation_map")(x)
    pooled = layers.GlobalAveragePooling2D(name="logit")(activation_map)
    return keras.Model(image, [pooled, activation_map], name="vgg16_cam")


def vgg16_linear(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
    outputs: int = 1,
) -> keras.Model:
    """Build VGG16's convolutions, several linear outputs, and the map that each is the mean of.

    The maps are class activation maps as in `vgg16_cam`.

    Returns
    -------
    keras.Model
        Outputs ``logits`` (batch, outputs): of several findings one each, or of ordered grades
        one for each step from a grade to higher ones; and ``activation_map`` (batch, h/16, w/16,
        outputs).
    """
    image, x = vgg16_base(input_shape, blocks, pool_last=False)
    activation_map = layers.Conv2D(outputs, 1, name="activation_map")(x)
    logits = layers.GlobalAveragePooling2D(name="logits")(activation_map)
    return keras.Model(image, [logits, activation_map], name="vgg16_linear")


def disc_grader(
    input_shape: tuple[int, int, int],
    signs: int,
    sequences: Sequence[str],
    experts: int,
    outputs: int,
    widths: tuple[int, int, int, int] = (32, 64, 128, 96),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS[:4],
) -> keras.Model:
    """Build the disc grader: VGG16's convolutions, and small heads for every MR sequence.

    The heads of a sequence ("experts") differ in their start only, and their logits
    are averaged. Each looks at two depths of VGG16 at once, keeps every place of
    the crop apart (crops are registered, so places have a meaning), and joins what
    was counted in the crop. The same heads run on the crop with each of its places
    blanked, which costs next to nothing behind the convolutions and shows by
    occlusion (Zeiler & Fergus 2014, arXiv:1311.2901) what a grade rests on.

    Parameters
    ----------
    signs : int
        Numbers that come with each crop.
    sequences : sequence of str
        One output each, named so.
    experts : int
        Heads of each sequence.
    outputs : int
        Logits.
    widths : tuple of int
        Channels of a head's convolution, of its image layer, its sign layer, and
        the layer that joins them.

    Returns
    -------
    keras.Model
        Inputs ``image`` and ``signs`` (batch of one). Outputs
        ``(1 + places, outputs)`` logits: the whole crop, then row by row with one
        place blanked.
    """
    image, deep = vgg16_base(input_shape, blocks)
    counted = layers.Input((signs,), name="signs")
    shallow = keras.Model(image, deep).get_layer(f"block{len(blocks) - 1}_pool").output
    shallow = layers.MaxPooling2D(2, name="shallow_pool")(shallow)
    both = layers.Concatenate(name="depths")([shallow, deep])
    rows, cols = int(both.shape[1]), int(both.shape[2])
    heads = len(sequences) * experts
    hidden = layers.Conv2D(widths[0] * heads, 1, activation="relu", name="heads_conv")(both)
    blanked = _blanked(hidden, rows, cols)
    joined = []
    for s, sequence in enumerate(sequences):
        logits = [
            _disc_expert(blanked, counted, s * experts + e, outputs, widths) for e in range(experts)
        ]
        average = layers.Average(name=sequence) if experts > 1 else layers.Identity(name=sequence)
        joined.append(average(logits if experts > 1 else logits[0]))
    return keras.Model([image, counted], joined, name="disc_grader")


def _blanked(hidden: Any, rows: int, cols: int) -> Any:
    places = rows * cols
    keep = np.concatenate([np.ones((1, places)), 1 - np.eye(places)]).astype(np.float32)
    keep = keep.reshape(places + 1, rows, cols, 1)
    return layers.Lambda(lambda x: x * keep, name="blanked", output_shape=hidden.shape[1:])(hidden)


def _disc_expert(
    blanked: Any, counted: Any, number: int, outputs: int, widths: tuple[int, int, int, int]
) -> Any:
    name = f"head{number}"
    start = number * widths[0]
    part = layers.Lambda(
        lambda x: x[..., start : start + widths[0]], name=f"{name}_part",
        output_shape=(*blanked.shape[1:3], widths[0]),
    )(blanked)  # fmt: skip
    seen = layers.Dense(widths[1], activation="relu", name=f"{name}_image")(layers.Flatten()(part))
    told = layers.Dense(widths[2], activation="relu", name=f"{name}_signs")(counted)
    # A dense layer over both, written as two, so that the signs are computed once.
    seen = layers.Dense(widths[3], name=f"{name}_join_image")(seen)
    told = layers.Dense(widths[3], name=f"{name}_join_signs")(told)
    joined = layers.ReLU()(layers.Add()([seen, told]))
    return layers.Dense(outputs, name=f"{name}_logits")(joined)


def plain_cnn(
    input_shape: tuple[int, int, int] = (256, 256, 3),
    filters: Sequence[int] = (64, 128, 256),
    hidden: int = 512,
) -> keras.Model:
    """Build the report's plain CNN (three valid convolutions, Dense 512, dropout 0.5)."""
    image = x = layers.Input(input_shape, name="image")
    for count in filters:
        x = layers.MaxPooling2D(2)(layers.Conv2D(count, 3, activation="relu")(x))
    x = layers.Dense(hidden, activation="relu")(layers.Flatten()(x))
    x = layers.Dropout(0.5)(x)
    return keras.Model(image, layers.Dense(1, activation="sigmoid")(x), name="plain_cnn")


def view_gate(
    input_shape: tuple[int, int, int],
    classes: int,
    blocks: Sequence[Sequence[int]],
    grid: int,
    hidden: int,
    place_size: int,
) -> keras.Model:
    """Build the view gate: the first blocks of VGG16, averaged over a coarse grid, and a head.

    The square root evens out the few very strong responses, as it does for bags of
    visual words (Arandjelovic & Zisserman 2012, 10.1109/CVPR.2012.6248018).

    Returns
    -------
    keras.Model
        Outputs ``logits`` (batch, classes) and ``place`` (batch, place_size), a linear map
        of the features in which distances tell how strange a picture is.
    """
    image, x = vgg16_base(input_shape, [(count, width) for count, width in blocks])
    x = layers.AveragePooling2D(x.shape[1] // grid, name="grid")(x)
    x = layers.Flatten(name="features_squared")(x)
    x = layers.Activation(_root, name="features")(x)
    place = layers.Dense(place_size, name="place")(x)
    x = layers.Dense(hidden, activation="relu", name="hidden")(x)
    return keras.Model(image, [layers.Dense(classes, name="logits")(x), place], name="view_gate")


def _root(x: Any) -> Any:
    return 0.2 * keras.ops.sqrt(x)


def load_imagenet_base(model: keras.Model, archive: str) -> None:
    """Copy VGG16's ImageNet convolutions (``block1_conv1/kernel``...) into `model`.

    Raises
    ------
    KeyError
        The archive lacks one of the model's convolutions.
    """
    with np.load(archive) as weights:
        for layer in model.layers:
            if layer.name.startswith("block") and "_conv" in layer.name:
                kernel = weights[f"{layer.name}/kernel"].astype(np.float32)
                layer.set_weights([kernel, weights[f"{layer.name}/bias"].astype(np.float32)])
