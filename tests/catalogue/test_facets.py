"""Facets: clusters that are known beforehand are found, broken files are named, and what cannot be is said."""

import keras
import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.catalogue.facets import k_means, principal_components
from nbfeatviz.synthesis.quality import channel_means, values_of
from tests.synthesis.conftest import make_network, output_of

RANDOM = np.random.default_rng(3)
COLOURS = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9]])


@pytest.fixture(scope="module")
def net():
    return make_network(flatten=False)


def coloured(count):
    """Pictures of three colours in turn, with a little noise."""
    noise = RANDOM.normal(0, 0.03, (count, 16, 16, 3))
    return np.clip(COLOURS[np.arange(count) % 3][:, None, None] + noise, 0, 1).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    for place, picture in enumerate(coloured(12)):
        Image.fromarray((picture * 255).astype(np.uint8)).save(tmp_path / f"{place:02}.png")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


UNIT = objectives.class_logit("bee")


def test_three_colours_are_three_facets(net):
    pictures = coloured(15)
    found = nv.facets(net, UNIT, list(pictures), clusters=3, nearest=2, layer="relu2")
    assert len(found) == 3
    assert found.skipped == ()
    for facet in found:
        assert len({member % 3 for member in facet.members}) == 1
        assert len(facet.members) == 5
        assert facet.nearest == 2
        expected = pictures[list(facet.members[:2])].mean(0)
        np.testing.assert_allclose(facet.image, expected, atol=1e-6)
        assert facet.names[0] == f"image {facet.members[0]}"
    assert sorted(member for facet in found for member in facet.members) == list(range(15))


def test_facets_print_as_counts_and_shapes(net):
    found = nv.facets(net, UNIT, [*coloured(12), "none.png"], clusters=3, nearest=2, layer="relu2")
    one = "<Facet: 16×16×3, the mean of 2 of 4 images>"
    assert repr(found[0]) == one
    assert repr(found).splitlines() == ["<Facets: 3 found, 1 skipped>", *[f"  {one}"] * 3]
    assert repr(found[:2]) == f"({one}, {one})"


def test_a_facet_is_a_start(net):
    found = nv.facets(net, UNIT, list(coloured(9)), clusters=3)
    run = nv.maximize(net, UNIT, recipe="multifaceted", steps=10, start=found[0].image)
    assert run.settings.start == "picture"


def test_a_folder_is_read_in_order_and_broken_files_are_named(net, folder):
    (folder / "05.png").write_bytes((folder / "05.png").read_bytes()[:40])
    (folder / "07.png").write_bytes(b"")
    found = nv.facets(net, UNIT, folder, clusters=3, layer="relu2")
    assert [name for name, _ in found.skipped] == ["05.png", "07.png"]
    assert "not an image that can be read" in found.skipped[0][1]
    names = sorted(name for facet in found for name in facet.names)
    assert names == [f"{k:02}.png" for k in range(12) if k not in (5, 7)]
    assert 5 not in [member for facet in found for member in facet.members]


def test_only_the_best_are_used(net):
    pictures = coloured(12)
    found = nv.facets(net, UNIT, list(pictures), clusters=1, best=4)
    values = values_of(net, UNIT, pictures)
    assert set(found[0].members) == set(np.argsort(-values)[:4])
    np.testing.assert_allclose(sorted(found[0].activations), sorted(values)[-4:], rtol=1e-6)
    by_hand = [output_of(net, "pooled", picture) for picture in pictures]
    head = net.model.get_layer("head")
    np.testing.assert_allclose(
        values, np.array(by_hand) @ np.asarray(head.kernel)[:, 1] + np.asarray(head.bias)[1], rtol=1e-3
    )
    np.testing.assert_allclose(channel_means(net, "pooled", pictures), by_hand, rtol=1e-4, atol=1e-6)


def test_the_same_seed_finds_the_same(net):
    pictures = list(coloured(12))
    first, second = (nv.facets(net, UNIT, pictures, clusters=4, seed=5) for _ in range(2))
    assert [facet.members for facet in first] == [facet.members for facet in second]


def test_principal_components_keep_distances():
    points = RANDOM.normal(size=(20, 6)) @ np.diag([5, 3, 1, 0, 0, 0])
    reduced = principal_components(points, 3)
    assert reduced.shape == (20, 3)
    for one, two in ((0, 5), (3, 19)):
        distance = np.linalg.norm(points[one] - points[two])
        assert np.linalg.norm(reduced[one] - reduced[two]) == pytest.approx(distance)
    assert principal_components(points, 50).shape == (20, 6)


def test_k_means_finds_groups_and_leaves_none_empty():
    groups = RANDOM.normal(0, 0.1, (3, 10, 2)) + np.array([[0, 0], [5, 5], [-5, 5]])[:, None]
    labels, middles = k_means(groups.reshape(-1, 2), 3)
    for place in range(3):
        assert len(set(labels[10 * place : 10 * place + 10])) == 1
    np.testing.assert_allclose(middles[labels[[0, 10, 20]]], groups.mean(1), atol=1e-9)
    labels, _ = k_means(np.zeros((5, 2)), 5)
    assert sorted(labels) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        ({"images": "nowhere"}, ValueError, "no folder 'nowhere'"),
        ({"images": []}, ValueError, "no images were given"),
        ({"images": 3}, TypeError, "a folder or a list of images, not 3"),
        ({"images": ["a.png", "b.png"]}, ValueError, "none of the 2 images could be read. The first: there is no file"),
        (
            {"images": list(coloured(4)), "clusters": 5},
            ValueError,
            "5 clusters need .* there are 4.* clusters=4",
        ),
        ({"images": [*coloured(2), "x.png"], "clusters": 3}, ValueError, "there are 2 .1 could not be read: x.png"),
        ({"images": list(coloured(9)), "best": 2, "clusters": 3}, ValueError, "there are 2"),
        ({"clusters": 0}, ValueError, "clusters 0 is out of range"),
        ({"nearest": 2.5}, TypeError, "nearest is a whole number, not 2.5"),
        ({"seed": "a"}, TypeError, "seed is a whole number, not 'a'"),
        ({"layer": "conv9"}, ValueError, "no layer 'conv9'"),
        ({"objective": objectives.class_logit("wasp")}, ValueError, "no class 'wasp'"),
        ({"objective": "bee"}, TypeError, "'bee' is not an objective"),
        ({"net": "lite0"}, TypeError, "'lite0' is not a Network"),
    ],
)
def test_what_is_wrong_is_said(net, wrong, kind, says):
    with pytest.raises(kind, match=says):
        nv.facets(**{"net": net, "objective": UNIT, "images": list(coloured(6)), "clusters": 2, **wrong})


def test_a_folder_without_images(net, tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match="has no images"):
        nv.facets(net, UNIT, tmp_path)


def test_a_network_without_a_dense_layer_is_embedded_too():
    keras.utils.set_random_seed(1)
    picture = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(picture)
    network = nv.load(keras.Model(picture, keras.layers.Conv2D(2, 3, name="last")(x)), input_range=(0, 1))
    found = nv.facets(network, objectives.channel("last", 1), list(coloured(9)), clusters=3)
    assert len(found) == 3
