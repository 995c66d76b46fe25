"""The layers at which a block ends, of networks of every build."""

from __future__ import annotations

import keras

import nbfeatviz as nv
from nbfeatviz.networks.suggested_layers import suggested_layers


def units(network: nv.Network) -> int:
    return sum(network.layers[path].units for path in suggested_layers(network))


def test_lite0_has_27_layers_with_5112_units_its_classes_among_them():
    network = nv.load("efficientnet-lite0")
    found = suggested_layers(network)
    assert (len(found), units(network)) == (27, 5112)
    assert found[-1] == network.head_layer.path
    assert network.layers[found[-1]].units == 1000
    assert "block5c_add" in found
    order = [call.path for call in network.graph.calls]
    assert sorted(found, key=order.index) == list(found)


def test_a_plain_stack_gives_all_its_layers_with_weights():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(8, 3, name="one"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="rectified"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(8, 3, activation="relu", name="two"),
            layers.Dropout(0.5, name="drop"),
            layers.Flatten(name="flat"),
            layers.Dense(12, activation="relu", name="hidden"),
            layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    network = nv.load(model, input_range=(0, 1))
    assert suggested_layers(network) == ("rectified", "two", "hidden", "classes")


def residual(name: str, inputs: keras.KerasTensor, filters: int, project: bool) -> keras.KerasTensor:
    layers = keras.layers
    path = layers.ReLU(name=f"{name}_1_relu")(layers.Conv2D(filters, 1, name=f"{name}_1_conv")(inputs))
    path = layers.Conv2D(filters * 4, 3, padding="same", name=f"{name}_2_conv")(path)
    short = layers.Conv2D(filters * 4, 1, name=f"{name}_0_conv")(inputs) if project else inputs
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([short, path]))


def resnet(pooled: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    picture = keras.Input((64, 64, 3))
    inner = layers.Conv2D(16, 7, strides=2, activation="relu", name="conv1_conv")(picture)
    for stage in (2, 3):
        for block in (1, 2, 3):
            inner = residual(f"conv{stage}_block{block}", inner, 4 * stage, project=block == 1)
    if not pooled:
        return keras.Model(picture, inner, name="backbone")
    return keras.Model(picture, layers.Dense(5, activation="softmax", name="classes")(
        layers.GlobalAveragePooling2D(name="pool")(inner)))  # fmt: skip


def test_a_residual_network_gives_what_its_blocks_end_with():
    network = nv.load(resnet(), input_range=(0, 1))
    found = suggested_layers(network)
    ends = [f"conv{stage}_block{block}_out" for stage in (2, 3) for block in (1, 2, 3)]
    assert set(ends) <= set(found)
    assert found[-1] == "classes"
    assert not any(path.endswith("_1_conv") or path == "pool" for path in found)


def test_a_nested_network_gives_the_blocks_inside_and_its_own_head():
    layers = keras.layers
    picture = keras.Input((64, 64, 3))
    inner = layers.GlobalAveragePooling2D(name="average")(resnet(pooled=False)(picture))
    inner = layers.Dense(20, activation="relu", name="hidden")(inner)
    network = nv.load(
        keras.Model(picture, layers.Dense(3, activation="softmax", name="mine")(inner)), input_range=(0, 1)
    )
    found = suggested_layers(network)
    assert "backbone/conv3_block3_out" in found
    assert found[-2:] == ("hidden", "mine")
    assert all(network.layers[path].selectable for path in found)


def test_inception_gives_its_mixed_layers(inception: nv.Network):
    found = suggested_layers(inception)
    assert {f"mixed{number}" for number in range(11)} <= set(found)
    assert found[-1] == "predictions"
    assert len(found) <= 40


def test_the_small_one():
    assert suggested_layers(nv.load("mnist-cnn")) == ("conv1", "conv2", "conv3", "logits")
