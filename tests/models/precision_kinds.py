"""Models that compute in fewer bits, or whose weights are quantized or adapted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.models.kinds import Kind, chain, conv, dense, kind, pool, raw

SHAPE = (9, 9, 3)

# a float16 has 11 bits, a bfloat16 8: each of a handful of roundings is off by 2^-11 or 2^-8 of the value
FLOAT16, BFLOAT16 = 0.02, 0.1


def _under(policy: str, build: Callable[[], Kind]) -> Kind:
    """A kind built while a policy is the global one, as a notebook sets it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def _usual(head_type: str | None, tolerance: float) -> Kind:
    head = dense(dtype=head_type)
    norm = layers.BatchNormalization(name="norm")
    before = [conv("first", activation=None, use_bias=False), norm, layers.Activation("swish"), conv()]
    return chain(SHAPE, before, [pool(), head], tolerance=tolerance)


@kind
def mixed_float16() -> Kind:
    return _under("mixed_float16", lambda: _usual("float32", FLOAT16))


@kind
def mixed_bfloat16() -> Kind:
    return _under("mixed_bfloat16", lambda: _usual("float32", BFLOAT16))


@kind
def all_bfloat16() -> Kind:
    return _under("bfloat16", lambda: _usual(None, BFLOAT16))


@kind
def all_float64() -> Kind:
    return _under("float64", lambda: _usual(None, 1e-4))


@kind
def mixed_float16_then_float32() -> Kind:
    """As Keras's guide has it: the probabilities become float32 in an Activation of their own."""

    def build() -> Kind:
        ends = [dense(activation=None), layers.Activation("softmax", dtype="float32")]
        return chain(SHAPE, [conv()], [pool(), *ends], [pool(), ends[0]], tolerance=FLOAT16)

    return _under("mixed_float16", build)


@kind
def mixed_float16_softmax_then_float32() -> Kind:
    """The softmax itself is in 16 bits; what follows only casts."""

    def build() -> Kind:
        return chain(
            SHAPE, [conv()], [pool(), dense(), layers.Activation("linear", dtype="float32")], tolerance=FLOAT16
        )

    return _under("mixed_float16", build)


@kind
def raw_operations_in_mixed_float16() -> Kind:
    def build() -> Kind:
        ends = [pool(), dense(dtype="float32")]
        return chain(SHAPE, [lambda x: x * 2.0, conv()], [operations, *ends], tolerance=FLOAT16)

    return _under("mixed_float16", build)


def operations(x: Any) -> Any:
    """Arithmetic between layers: it computes in the type of what comes in."""
    return ops.tanh(1.5 * x + 0.25) - x / 3.0


def _quantized(*modes: str, lora: bool = False, **more: Any) -> Kind:
    """A hidden dense layer and a linear head that are quantized; their softmax is not part of them."""
    hidden, head = layers.Dense(6, activation="swish", name="hidden"), dense(activation=None)

    def quantize(model: keras.Model) -> None:
        for mode in modes:
            model.quantize(mode)
        if lora:
            _adapt([hidden, head])

    linear = [pool(), hidden, head]
    return chain(SHAPE, [conv()], [*linear, layers.Softmax()], linear, prepared=quantize, tolerance=1e-3, **more)


def _adapt(adapted: list[Any]) -> None:
    random = np.random.default_rng(3)
    for layer in adapted:
        layer.enable_lora(2)
        for part in (layer.lora_kernel_a, layer.lora_kernel_b):
            part.assign(random.normal(0, 0.5, part.shape))


@kind
def int8() -> Kind:
    return _quantized("int8")


@kind
def int4() -> Kind:
    return _quantized("int4")


@kind
def float8() -> Kind:
    return _quantized("float8", traced=True)


@kind
def int8_with_lora() -> Kind:
    return _quantized("int8", lora=True)


@kind
def int8_softmax() -> Kind:
    """The softmax is fused into a quantized layer."""
    return chain(SHAPE, [conv()], [pool(), dense()], prepared=lambda model: model.quantize("int8"), tolerance=1e-3)


@kind
def float8_softmax() -> Kind:
    quantized: Any = {"prepared": lambda model: model.quantize("float8"), "traced": True, "tolerance": 1e-3}
    return chain(SHAPE, [conv()], [pool(), dense()], **quantized)


@kind
def lora() -> Kind:
    hidden, head = conv(), dense()
    return chain(SHAPE, [hidden], [pool(), head], [pool(), raw(head)], prepared=lambda _: _adapt([hidden, head]))


@kind
def folded_and_adapted() -> Kind:
    """A convolution with LoRA before a batch norm: what is folded must be the adapted kernel."""
    hidden, norm, head = conv(activation=None), layers.BatchNormalization(name="norm"), dense()
    before = [hidden, norm, layers.ReLU(name="bent")]
    adapted = {"prepared": lambda _: _adapt([hidden])}
    return chain(SHAPE, before, [pool(), head], [pool(), raw(head)], layer="bent", **adapted)
