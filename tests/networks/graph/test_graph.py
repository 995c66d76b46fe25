"""The flat list of calls computes what the model computes, bit by bit, and leaves the model alone."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from nbfeatviz.networks.graph.calls import Output
from nbfeatviz.networks.graph.reader import read_graph

PICTURES = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)


def _picture() -> keras.KerasTensor:
    return keras.Input((8, 8, 3))


def _branches() -> keras.Model:
    x = _picture()
    left = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    right = layers.BatchNormalization()(layers.Conv2D(4, 1)(x))
    merged = layers.Concatenate()([left, layers.Add()([left, right]), right])
    return keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(merged)))


def _shared_layer() -> keras.Model:
    x, conv = _picture(), layers.Conv2D(3, 3, padding="same", name="twin")
    return keras.Model(x, layers.Subtract()([conv(x), conv(conv(x))]))


def _nested() -> keras.Model:
    x = _picture()
    base = keras.Model(x, layers.ReLU()(layers.Conv2D(4, 3)(x)), name="base")
    y = _picture()
    return keras.Model(y, layers.Dense(3)(layers.Flatten()(base(y * 2))))


def _nested_twice() -> keras.Model:
    x = _picture()
    base = keras.Model(x, layers.Conv2D(3, 3, padding="same", name="conv")(x), name="base")
    y = _picture()
    return keras.Model(y, base(base(y)))


def _ends_in_a_nested_model_used_elsewhere_too() -> keras.Model:
    x = _picture()
    base = keras.Model(x, layers.Conv2D(3, 3)(x))
    base(_picture())
    y = _picture()
    return keras.Model(y, base(layers.ReLU()(y)))


def _nested_with_several_outputs() -> keras.Model:
    x = _picture()
    base = keras.Model(x, [layers.Conv2D(2, 1)(x), layers.Conv2D(2, 1)(x)])
    y = _picture()
    first, second = base(y)
    return keras.Model(y, layers.Subtract()([second, first]))


def _nested_with_inputs_by_name() -> keras.Model:
    one, two = keras.Input((8, 8, 3), name="one"), keras.Input((8, 8, 3), name="two")
    base = keras.Model({"one": one, "two": two}, layers.Subtract()([one, two]))
    y = _picture()
    return keras.Model(y, base({"two": y, "one": layers.ReLU()(y * 3)}))


def _nested_with_inputs_by_place() -> keras.Model:
    one, two = _picture(), _picture()
    base = keras.Model([two, one], layers.Subtract()([one, two]))
    y = _picture()
    return keras.Model(y, base([y, layers.ReLU()(y * 3)]))


def _nested_two_deep() -> keras.Model:
    inner = keras.Sequential([_picture(), layers.Conv2D(3, 3, name="conv")], name="inner")
    x = _picture()
    outer = keras.Model(x, layers.ReLU()(inner(x)), name="outer")
    return keras.Sequential([_picture(), outer, layers.Flatten(), layers.Dense(2)])


def _operations() -> keras.Model:
    start = _picture()
    x = layers.Conv2D(4, 3)(start)
    x = x * 2 + 1
    x = keras.ops.concatenate([x, 1 - x], axis=-1)
    return keras.Model(start, keras.ops.mean(keras.ops.relu(x[:, 1:-1]), axis=(1, 2)))


def _several_outputs_of_one_operation() -> keras.Model:
    x = _picture()
    first, second = keras.ops.split(layers.Conv2D(5, 1)(x), [2], axis=-1)
    return keras.Model(x, layers.Concatenate()([second, first]))


def _ends_in_the_second_output_of_an_operation() -> keras.Model:
    x = _picture()
    return keras.Model(x, keras.ops.split(layers.Conv2D(5, 1)(x), [2], axis=-1)[1])


def _arguments_by_keyword() -> keras.Model:
    x = _picture()
    rows = layers.Reshape((64, 3))(x)
    seen = layers.MultiHeadAttention(2, 2)(query=rows, value=rows, key=rows * 2)
    return keras.Model(x, layers.GlobalAveragePooling1D()(seen))


def _sequential() -> keras.Model:
    return keras.Sequential([_picture(), layers.Conv2D(4, 3), layers.ReLU(), layers.Flatten(), layers.Dense(3)])


def _sequential_built_by_a_call() -> keras.Model:
    model = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    model(PICTURES)
    return model


def _sequential_of_another_models_layers() -> keras.Model:
    other = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(3, 3), layers.ReLU()])
    return keras.Sequential([_picture(), layers.Conv2D(3, 1), *other.layers])


def _several_outputs() -> keras.Model:
    x = _picture()
    return keras.Model(x, [layers.Conv2D(2, 1)(x), layers.Conv2D(4, 1)(x)])


def _outputs_by_name() -> keras.Model:
    x = _picture()
    return keras.Model(x, {"z": layers.Conv2D(2, 1)(x), "a": layers.Conv2D(4, 1)(x)})


MODELS = [
    _branches,
    _shared_layer,
    _nested,
    _nested_twice,
    _ends_in_a_nested_model_used_elsewhere_too,
    _nested_with_several_outputs,
    _nested_with_inputs_by_name,
    _nested_with_inputs_by_place,
    _nested_two_deep,
    _operations,
    _several_outputs_of_one_operation,
    _ends_in_the_second_output_of_an_operation,
    _arguments_by_keyword,
    _sequential,
    _sequential_built_by_a_call,
    _sequential_of_another_models_layers,
    _several_outputs,
    _outputs_by_name,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__.strip("_"))
def test_evaluating_the_graph_is_calling_the_model(make: Callable[[], keras.Model]):
    model = make()
    graph = read_graph(model)
    value = np.asarray(graph.evaluate(PICTURES, [graph.output.call])[graph.output.call])
    np.testing.assert_allclose(value, keras.tree.flatten(model(PICTURES))[0], rtol=0, atol=1e-6)
    assert graph.calls[graph.output.call].shape == value.shape[1:] == tuple(model.outputs[0].shape[1:])


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__.strip("_"))
def test_calls_come_after_what_they_need_and_have_paths_of_their_own(make: Callable[[], keras.Model]):
    graph = read_graph(make())
    assert [call.index for call in graph.calls] == list(range(len(graph.calls)))
    assert all(source < call.index for call in graph.calls for source in call.inputs)
    assert len({call.path for call in graph.calls}) == len(graph.calls)
    assert [call.kind for call in graph.calls if not call.inputs] == ["InputLayer"]


def _operations_of(model: keras.Model) -> list:
    operations = list(getattr(model, "operations", None) or model.layers)
    nested = [inner for item in operations if isinstance(item, keras.Model) for inner in _operations_of(item)]
    return operations + nested


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__.strip("_"))
def test_reading_and_evaluating_alter_nothing(make: Callable[[], keras.Model]):
    model = make()

    def state() -> tuple:
        nodes = [len(operation._inbound_nodes) for operation in _operations_of(model)]
        return model.get_config(), nodes, [id(weight) for weight in model.weights]

    before, weights = state(), model.get_weights()
    graph = read_graph(model)
    graph.evaluate(PICTURES, range(len(graph.calls)))
    assert state() == before
    assert all(np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))


def test_the_calls_use_the_users_own_layers():
    model = _branches()
    assert {id(call.operation) for call in read_graph(model).calls} == {id(layer) for layer in model.layers}


def test_only_what_a_target_needs_is_computed():
    graph = read_graph(_branches())
    target = next(call for call in graph.calls if call.path == "conv2d_1")
    seen: list[str] = []
    graph.evaluate(PICTURES, [target.index], lambda call, args, kwargs: seen.append(call.path))
    assert seen == ["conv2d_1"]
    assert graph.ancestors([target.index]) == [*target.inputs, target.index]


def test_an_override_replaces_a_layers_output_for_all_that_follows():
    model = _sequential()
    graph = read_graph(model)
    value = graph.evaluate(
        PICTURES,
        [graph.output.call],
        lambda call, args, kwargs: args[0] * 0 if call.kind == "ReLU" else None,
    )[graph.output.call]
    np.testing.assert_array_equal(value, np.broadcast_to(model.layers[-1].bias, value.shape))


def test_a_layer_with_several_outputs_gives_the_first_of_the_shape_it_states():
    graph = read_graph(_several_outputs_of_one_operation())
    call = next(call for call in graph.calls if call.path == "split")
    value = graph.evaluate(PICTURES, [call.index])[call.index]
    assert tuple(value.shape[1:]) == call.shape == (8, 8, 2)
    assert Output(call.index, 1) in graph.calls[graph.output.call].args[0]


def test_shapes_are_those_of_the_values_in_a_sequential_of_used_layers():
    graph = read_graph(_sequential_of_another_models_layers())
    values = graph.evaluate(PICTURES, range(len(graph.calls)))
    assert [call.shape for call in graph.calls] == [tuple(values[call.index].shape[1:]) for call in graph.calls]


def test_a_subclassed_model_is_told_how_to_wrap_itself():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"subclassed model.*keras\.Input\(\(height, width, channels\)\)"):
        read_graph(Own(name="mine"))


def test_several_inputs_are_named():
    one, two = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    with pytest.raises(ValueError, match=r"2 inputs \('left', 'right'\); one picture input is needed"):
        read_graph(keras.Model([one, two], layers.Add()([one, two])))
