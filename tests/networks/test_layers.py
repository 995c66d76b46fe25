"""The layer tree: grouping, look-up, what can be chosen."""

from __future__ import annotations

import warnings

import keras
import pytest
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks.graph.reader import read_graph
from nbfeatviz.networks.layers import Layer, LayerTree


def _tree(model: keras.Model, class_names: tuple[str, ...] | None = None) -> LayerTree:
    return LayerTree(read_graph(model), class_names)


def _blocks() -> keras.Model:
    x = start = keras.Input((16, 16, 3), name="image")
    for block in ("block1a", "block1b", "block2a"):
        for part in ("conv", "bn", "relu"):
            make = {
                "conv": lambda name: layers.Conv2D(4, 3, padding="same", name=name),
                "bn": lambda name: layers.BatchNormalization(name=name),
                "relu": lambda name: layers.ReLU(name=name),
            }[part]
            x = make(f"{block}_{part}")(x)
    return keras.Model(start, layers.Dense(3, name="predictions")(layers.GlobalAveragePooling2D(name="pool")(x)))


def _transfer() -> keras.Model:
    base = _blocks()
    base = keras.Model(base.input, base.get_layer("block2a_relu").output, name="base")
    return keras.Sequential([keras.Input((16, 16, 3)), base, layers.Flatten(), layers.Dense(2)])


def _names(entries) -> list[str]:
    return [entry.name for entry in entries]


def test_layers_of_a_common_prefix_are_one_group():
    tree = _tree(_blocks())
    assert _names(tree) == ["image", "block1a", "block1b", "block2a", "pool", "predictions"]
    group = tree.children[1]
    assert (group.kind, group.selectable, group.units) == ("group", False, 0)
    assert [child.path for child in group.children] == ["block1a_conv", "block1a_bn", "block1a_relu"]


def test_a_nested_model_is_one_entry_with_paths_below_it():
    tree = _tree(_transfer())
    base = next(entry for entry in tree if entry.kind == "model")
    assert (base.name, base.path, base.selectable) == ("base", "base", False)
    assert "base/block1b_conv" in tree
    assert all(layer.path.startswith("base/") for child in base.children for layer in child.walk())


def test_every_call_is_in_the_tree_exactly_once():
    for model in (_blocks(), _transfer()):
        graph = read_graph(model)
        paths = [layer.path for layer in LayerTree(graph).walk() if layer.kind not in ("group", "model")]
        assert sorted(paths) == sorted(call.path for call in graph.calls)


def test_inception_stays_browsable_and_loses_no_layer(inception):
    tree = inception.layers
    entries = [layer for layer in tree.walk() if layer.kind not in ("group", "model")]
    assert len(entries) == len({layer.path for layer in entries}) == len(inception.graph.calls) >= 311

    def widest(children: tuple[Layer, ...]) -> int:
        return max([len(children), *(widest(child.children) for child in children)])

    assert widest(tree.children) <= 40
    assert {f"mixed{k}" for k in range(11)} <= {entry.name for entry in tree if entry.kind == "group"}


def test_an_entry_knows_kind_shape_and_units():
    layer = _tree(_blocks())["block2a_conv"]
    assert (layer.name, layer.kind, layer.output_shape, layer.units) == ("block2a_conv", "Conv2D", (16, 16, 4), 4)
    assert layer.selectable


def test_the_input_cannot_be_maximized_and_all_that_follows_can():
    tree = _tree(_blocks())
    layers_of_it = [layer for layer in tree.walk() if layer.kind != "group"]
    assert [layer.path for layer in layers_of_it if not layer.selectable] == ["image"]


def test_a_layer_without_a_fixed_number_of_units_cannot_be_chosen():
    x = keras.Input((None, None, 3))
    rows = layers.Reshape((3, -1))(x)
    model = keras.Model(x, layers.GlobalAveragePooling1D(data_format="channels_first")(rows))
    layer = _tree(model)["reshape"]
    assert (layer.output_shape, layer.units, layer.selectable) == ((3, None), 0, False)


def test_the_units_of_the_head_are_named_and_no_others():
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, layers.Dense(3, name="head")(layers.Dense(3, name="hidden")(layers.Flatten()(x))))
    tree = _tree(model, ("cat", "dog", "eel"))
    assert tree["head"].unit_names == ("cat", "dog", "eel")
    assert tree["hidden"].unit_names is None


def test_inceptions_head_has_distinct_class_names(inception):
    names = inception.head_layer.unit_names
    assert len(names) == len({name.casefold() for name in names}) == inception.classes == 1000
    assert inception.class_name(inception.class_index("Daisy")) == "daisy" == names[985]


def test_inceptions_convolutions_are_the_tutorials(inception):
    assert len(inception.convolutions) == 94
    fifth = inception.convolutions[5]
    assert (fifth.kind, fifth.units, fifth.output_shape) == ("Conv2D", 64, (35, 35, 64))
    # The fifth is the 1×1 convolution that begins the first mixed block, on what the second pooling gives.
    call = inception.call(fifth.path)
    assert call.operation.kernel_size == (1, 1)
    assert [inception.graph.calls[index].path for index in call.inputs] == ["max_pooling2d_1"]


def test_an_unknown_layer_names_the_nearest():
    with pytest.raises(ValueError, match=r"no layer 'block1a_cnv' in this network; nearest: 'block1a_conv'"):
        _tree(_blocks())["block1a_cnv"]


def test_a_layer_of_a_nested_model_named_without_its_path_is_found_for_the_person():
    with pytest.raises(ValueError, match=r"nearest: 'base/block1a_conv'\.$") as caught:
        _tree(_transfer())["block1a_conv"]
    assert "Keras numbered" not in str(caught.value)


def test_nothing_near_gives_examples_that_exist():
    tree = _tree(_blocks())
    with pytest.raises(ValueError, match="there are, for example, 'block1a_conv'"):
        tree["§§§"]


def test_a_name_that_keras_numbered_is_explained():
    layers.Conv2D(1, 1)
    x = keras.Input((4, 4, 3))
    conv = layers.Conv2D(2, 1)
    tree = _tree(keras.Model(x, conv(x)))
    assert conv.name != "conv2d"
    with pytest.raises(ValueError, match=rf"no layer '{conv.name}': Keras numbered it so.*its path is 'conv2d'"):
        tree[conv.name]


@pytest.mark.parametrize("path", [5, None, ("conv2d",)])
def test_a_path_is_a_string(path):
    with pytest.raises(TypeError, match="a layer is named by its path, a string"):
        _tree(_blocks())[path]


@pytest.mark.parametrize("path", ["block1a_…", "base"])
def test_groups_and_models_are_not_layers(path: str):
    tree = _tree(_transfer() if path == "base" else _blocks())
    assert path in {entry.path for entry in tree.walk()}
    assert path not in tree
    with pytest.raises(ValueError, match="no layer"):
        tree[path]


def test_as_text_it_has_one_line_an_entry_indented_by_depth():
    tree = _tree(_transfer())
    lines = str(tree).splitlines()
    assert len(lines) == len(list(tree.walk()))
    conv = next(line for line in lines if "block1a_conv" in line)
    assert conv.startswith("    block1a_conv ")
    assert conv.split()[1:] == ["Conv2D", "16×16×4"]
    assert next(line for line in lines if "InputLayer" in line).endswith("(not selectable)")
    assert repr(tree) == f"<LayerTree of {len(tree)} layers>"


def test_the_tree_survives_a_round_trip_through_a_file(tmp_path):
    model = _transfer()
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = nv.load(tmp_path / "model.keras")
    assert str(loaded.layers) == str(_tree(model))
