"""Shapes of networks: chains, nests, shared parts, forks and the blocks of well-known ones; 1 to 7 channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.models.kinds import IN_RANGE, Kind, chain, conv, dense, kind, pool, randomize, raw, through


@kind
def sequential() -> Kind:
    hidden, head = conv(activation="relu"), dense()
    stack = [layers.MaxPooling2D(2), layers.Flatten()]
    model = keras.Sequential([keras.Input((12, 12, 1)), hidden, *stack, layers.Dropout(0.5), head])
    randomize(model)
    return Kind(
        model=model, layer="conv", before=through(hidden), after=through(*stack, head),
        logits=through(*stack, raw(head)), options=IN_RANGE,
    )  # fmt: skip


@kind
def nested() -> Kind:
    """A transfer-learning model: a frozen base with batch norm, and a head of one's own."""
    inner = [conv("first", activation=None), layers.BatchNormalization(), layers.ReLU(6.0), conv(activation="relu")]
    x = keras.Input((12, 12, 2))
    base = keras.Model(x, through(*inner)(x), name="base")
    base.trainable = False
    head = dense()
    picture = keras.Input((12, 12, 2))
    model = keras.Model(picture, through(pool(), layers.Dropout(0.2), head)(base(picture, training=False)))
    randomize(model)
    return Kind(
        model=model, layer="base/conv", before=through(*inner), after=through(pool(), head),
        logits=through(pool(), raw(head)), options=IN_RANGE,
    )  # fmt: skip


@kind
def nested_head() -> Kind:
    """The softmax is inside a model inside a model."""
    head = dense()
    inner = keras.Sequential([keras.Input((4,)), head], name="inner")
    middle = keras.Sequential([keras.Input((4,)), layers.Dense(4, "tanh", name="middle_dense"), inner], name="middle")
    tanh = middle.layers[0]
    return chain((9, 9, 3), [conv()], [pool(), middle], [pool(), tanh, raw(head)])


@kind
def shared_backbone() -> Kind:
    """One base looks at the picture and at its mirror image; asked about is what it makes of the picture."""
    hidden, head = conv(), dense()
    base = keras.Sequential([keras.Input((10, 10, 4)), hidden, layers.BatchNormalization(name="norm")], name="base")
    norm = base.layers[1]

    def features(a: Any, x: Any) -> Any:
        mirrored = norm(hidden(ops.flip(x, axis=2)))
        return ops.mean(ops.concatenate([norm(a), 2.0 * mirrored], axis=-1), axis=(1, 2))

    picture = keras.Input((10, 10, 4))
    both = ops.concatenate([base(picture), 2.0 * base(ops.flip(picture, axis=2))], axis=-1)
    model = keras.Model(picture, head(ops.mean(both, axis=(1, 2))))
    randomize(model)
    return Kind(
        model=model, layer="base/conv", before=through(hidden), after=lambda a, x: head(features(a, x)),
        logits=lambda a, x: raw(head)(features(a, x)), options=IN_RANGE,
    )  # fmt: skip


@kind
def shared_layer() -> Kind:
    """The same convolution three times in a row; the first use is asked about."""
    hidden, head = conv(filters=3, padding="same", activation="tanh"), dense()
    return chain((9, 9, 3), [hidden], [hidden, hidden, pool(), head], [hidden, hidden, pool(), raw(head)])


@kind
def u_net() -> Kind:
    """A mask, one sigmoid a place: it does not classify."""
    down, up = conv(padding="same"), layers.Conv2DTranspose(4, 2, strides=2, activation="swish", name="up")
    smaller = through(layers.MaxPooling2D(2), conv("bottom", 6, padding="same"))
    mask = conv("mask", 2, 1, activation="sigmoid")

    def joined(a: Any) -> Any:
        return ops.concatenate([a, up(smaller(a))], axis=-1)

    picture = keras.Input((12, 16, 5))
    model = keras.Model(picture, mask(joined(down(picture))))
    randomize(model)
    return Kind(
        model=model, layer="conv", before=through(down), after=lambda a, _: mask(joined(a)),
        logits=lambda a, _: ops.conv(joined(a), mask.kernel, padding="valid") + mask.bias,
        head="sigmoid", options=IN_RANGE,
    )  # fmt: skip


@kind
def attention() -> Kind:
    """A little vision transformer."""
    patches, norm = conv(filters=8, size=4, strides=4, activation=None), layers.LayerNormalization(name="norm")
    attend = layers.MultiHeadAttention(2, 4, dropout=0.1, name="attend")
    widen, narrow, head = layers.Dense(12, "gelu"), layers.Dense(8), dense()

    def features(a: Any) -> Any:
        tokens = parted(a)
        normed = norm(tokens)
        tokens = tokens + attend(normed, normed)
        return ops.mean(tokens + narrow(widen(tokens)), axis=1)

    parted = layers.Reshape((9, 8))
    return chain((12, 12, 6), [patches], [features, head], [features, raw(head)])


class Scaled(layers.Layer):
    """The scale of a channel in ConvNeXt."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


@kind
def convnext_block() -> Kind:
    stem, deep = conv(filters=6, size=2, strides=2, activation=None), layers.DepthwiseConv2D(5, padding="same")
    norm, widen, narrow = layers.LayerNormalization(epsilon=1e-6), layers.Dense(12, "gelu"), layers.Dense(6)
    scaled, head, pooled = Scaled(), dense(), through(pool(), layers.LayerNormalization(epsilon=1e-6, name="last_norm"))

    def block(a: Any) -> Any:
        return a + scaled(narrow(widen(norm(deep(a)))))

    return chain((12, 12, 7), [stem], [block, pooled, head], [block, pooled, raw(head)])


def _squeezed(filters: int, gate: Any, name: str) -> Any:
    """Squeeze and excite."""
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")
    reduce, expand = conv(f"{name}_reduce", 2, 1, activation="relu"), conv(f"{name}_expand", filters, 1, gate)
    return lambda x: layers.Multiply(name=f"{name}_excite")([x, expand(reduce(mean(x)))])


@kind
def efficientnet_v2_blocks() -> Kind:
    """With its preprocessing in the graph, loaded without a word about its input."""
    stem = [layers.Rescaling(1 / 128.0, offset=-1.0), conv("stem", 6, strides=2, activation=None, use_bias=False)]
    fused = [layers.BatchNormalization(name="stem_norm"), layers.Activation("swish", name="stem_swish")]
    expand = conv("fused_expand", 8, 3, None, padding="same", use_bias=False)
    norm, project = layers.BatchNormalization(name="fused_norm"), conv("fused_project", 6, 1, None, use_bias=False)
    deep = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")
    deep_norm, squeezed = layers.BatchNormalization(name="deep_norm"), _squeezed(6, "sigmoid", "se")
    top, top_norm, head = conv("top", 8, 1, None, use_bias=False), layers.BatchNormalization(name="top_norm"), dense()

    def blocks(x: Any) -> Any:
        x = x + project(ops.swish(norm(expand(x))))
        x = x + squeezed(ops.swish(deep_norm(deep(x))))
        return ops.swish(top_norm(top(x)))

    return chain(
        (16, 16, 3), [*stem, *fused], [blocks, pool(), head], [blocks, pool(), raw(head)], layer="stem_swish",
        values=(0.0, 255.0), options={},
    )  # fmt: skip


@kind
def mobilenet_v3_blocks() -> Kind:
    """Hard swish by operations, and a head that is a convolution of what was pooled."""
    stem = [layers.Rescaling(1 / 127.5, offset=-1.0), conv("stem", 6, strides=2, activation=None, use_bias=False)]
    norm = layers.BatchNormalization(name="stem_norm")
    deep = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")
    squeezed, head = _squeezed(6, "hard_sigmoid", "se"), conv("head", 3, 1, activation=None)
    pooled, bent = layers.GlobalAveragePooling2D(keepdims=True), layers.ReLU(6.0)
    flat = layers.Flatten()

    def block(x: Any) -> Any:
        x = x * (bent(x + 3.0) / 6.0)
        return x + squeezed(ops.relu(deep(x)))

    linear = [block, pooled, head, flat]
    return chain(
        (16, 16, 3), [*stem, norm], [*linear, layers.Activation("softmax")], linear, layer="stem_norm",
        values=(0.0, 255.0), options={},
    )  # fmt: skip


@kind
def inception_block() -> Kind:
    """Branches that are put together, with a batch norm without scale."""
    stem, head = conv(activation="relu", padding="same"), dense()
    narrow, wide = conv("narrow", 3, 1), conv("wide", 3, 3, padding="same")
    norm = layers.BatchNormalization(scale=False)

    def branches(a: Any) -> Any:
        average = layers.AveragePooling2D(3, strides=1, padding="same")(a)
        return norm(ops.concatenate([narrow(a), wide(a), average], axis=-1))

    return chain((9, 9, 3), [stem], [branches, pool(), head], [branches, pool(), raw(head)], seed=1)


@kind
def other_norms() -> Kind:
    parts = [layers.GroupNormalization(2), layers.PReLU(shared_axes=[1, 2]), layers.UnitNormalization(), pool()]
    head = dense()
    return chain((9, 9, 3), [conv(activation=None)], [*parts, head], [*parts, raw(head)])


@kind
def separable_and_dilated() -> Kind:
    parts = [layers.SeparableConv2D(5, 3, activation="relu"), layers.Conv2D(4, 3, dilation_rate=2, groups=1)]
    parts += [layers.UpSampling2D(2, interpolation="bilinear"), layers.Cropping2D(1), layers.GlobalMaxPooling2D()]
    head = dense()
    return chain((14, 20, 3), [conv(strides=(1, 2))], [*parts, head], [*parts, raw(head)])


@kind
def four_by_four() -> Kind:
    head = dense()
    return chain((4, 4, 1), [conv(size=2)], [layers.Flatten(), head], [layers.Flatten(), raw(head)])


@kind
def five_hundred_by_three_hundred() -> Kind:
    head = dense()
    return chain((500, 300, 3), [conv(size=8, strides=8)], [pool(), head], [pool(), raw(head)])


@kind
def size_left_open() -> Kind:
    head = dense()
    options = {**IN_RANGE, "size": (10, 14)}
    return chain((None, None, 3), [conv()], [pool(), head], [pool(), raw(head)], options=options)


@kind
def hidden_layer_without_positions() -> Kind:
    """Asked about a layer behind the pooling: Grad-CAM has nothing to show there."""
    hidden, head = layers.Dense(5, "tanh", name="hidden"), dense()
    return chain((9, 9, 3), [conv(), pool(), hidden], [head], [raw(head)], layer="hidden", grad_cam=False)
