"""How far pictures of a catalogue can be trusted: a picture made for another unit scores low, and so does noise."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz.catalogue.store.pictures import encoded
from nbfeatviz.catalogue.store.records import DamagedError, Record
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.store.writer import writing
from nbfeatviz.catalogue.trust import TrustPass, trust_owner
from nbfeatviz.catalogue.trust.result import trust_of

QUICK = {"workers": 1, "progress": False}
PARTS = ("selectivity", "seeds", "judge", "path", "match")


@pytest.fixture(scope="module")
def net():
    return nv.load("mnist-cnn")


@pytest.fixture(scope="module")
def folder(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "mnist.nbfv"
    nv.catalogue.build(net, path, steps=12, seeds=2, **QUICK).close()
    return path


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy.nbfv")


def trusts(folder, layer):
    with nv.catalogue.open(folder) as catalogue:
        return [catalogue[layer, unit].trust for unit in catalogue.units(layer)]


def mean(found, part):
    return np.mean([value for one in found if (value := one.parts[part].value) is not None])


def changed(net, folder, layer, picture_of, **options):
    """The trust of a layer's units after each picture was replaced by `picture_of(pictures by seed, unit, seed)`."""
    store = Store(folder)
    with nv.catalogue.open(folder) as catalogue:
        plan, photos = catalogue.plan, store.noted("photos")
    planned = next(one for one in plan.layers if one.path == layer)
    records = {(row.unit, row.seed): store.read(row) for row in store.rows("unit", planned.owner, layer)}
    store.close()
    with writing(folder, print) as writer:
        writer.add([replace(one, data=picture_of(records, *key)) for key, one in records.items()])
        writer.forget("trust", trust_owner(planned.owner, photos))
    nv.catalogue.build(net, folder, steps=plan.steps, seeds=len(plan.seeds), **QUICK, **options).close()
    return trusts(folder, layer)


def of_another(records, unit, seed):
    units = sorted({one for one, _ in records})
    return records[units[(units.index(unit) + len(units) // 2) % len(units)], seed].data


def test_every_picture_has_a_trust_in_bounds_and_in_words(net, folder):
    with nv.catalogue.open(folder) as catalogue:
        for layer in catalogue.layers():
            for unit in catalogue.units(layer):
                trust = catalogue[layer, unit].trust
                assert tuple(trust.parts) == PARTS
                values = [part.value for part in trust.parts.values() if part.value is not None]
                assert all(0 <= value <= 1 for value in values)
                assert trust.gauge == pytest.approx(np.mean(values))
                assert all(part.sentence.endswith((".", ").")) for part in trust.parts.values())
                assert trust.judge.value is None
                assert "judge=" in trust.judge.sentence
                assert trust.seeds.value is not None
        first = catalogue["conv1", 0].trust
    assert first.path.value is None
    assert "below" in first.path.sentence
    assert str(first).startswith(f"trust {first.gauge:.0%}\nselectivity: ")


@pytest.mark.parametrize("layer", ["conv3", "logits"])
def test_pictures_of_other_units_are_not_trusted(net, folder, copy, layer):
    own = trusts(folder, layer)
    fooled = changed(net, copy, layer, of_another)
    for part, difference in (("selectivity", 0.4), ("match", 0.25)):
        assert mean(fooled, part) < mean(own, part) - difference, part
    assert np.mean([one.gauge for one in fooled]) < np.mean([one.gauge for one in own]) - 0.1
    # the pictures of two seeds are of one unit still
    assert mean(fooled, "seeds") == pytest.approx(mean(own, "seeds"), abs=0.1)


def test_one_seed_that_shows_something_else_does_not_agree(net, folder, copy):
    def mixed(records, unit, seed):
        return records[unit, seed].data if seed == 0 else of_another(records, unit, seed)

    assert mean(changed(net, copy, "conv3", mixed), "seeds") < 0.4 < 0.7 < mean(trusts(folder, "conv3"), "seeds")


def test_noise_is_not_trusted(net, folder, copy):
    def noise(records, unit, seed):
        random = np.random.default_rng((unit, seed))
        return encoded(np.clip(random.normal(0.5, 0.15, (28, 28, 1)), 0, 1).astype(np.float32))

    # a way is not asked for: seven photographs are no digits, and those of a unit of this network are hardly alike
    own, found = trusts(folder, "conv3"), changed(net, copy, "conv3", noise)
    for part in ("selectivity", "match"):
        assert mean(found, part) < 0.7 * mean(own, part), part


def test_a_fooled_unit_of_a_large_network(tmp_path):
    lite, layer, settings = nv.load("efficientnet-lite0"), "block5c_add", {"layers": "block5c_add", "units": "0-15"}
    nv.catalogue.build(lite, tmp_path / "lite", steps=32, **settings, **QUICK).close()
    own = trusts(tmp_path / "lite", layer)
    assert mean(own, "selectivity") > 0.9
    fooled = changed(lite, tmp_path / "lite", layer, of_another, **settings)

    def noise(records, unit, seed):
        random = np.random.default_rng(unit)
        return encoded(np.clip(random.normal(0.5, 0.1, (128, 128, 3)), 0, 1).astype(np.float32))

    empty = changed(lite, tmp_path / "lite", layer, noise, **settings)
    for part, difference in (("selectivity", 0.3), ("path", 0.1), ("match", 0.2)):
        assert mean(fooled, part) < mean(own, part) - difference, part
        assert mean(empty, part) < mean(own, part) - difference, part


def test_what_is_there_is_skipped_and_the_rest_is_as_if_never_interrupted(net, folder, copy):
    store = Store(copy)
    with nv.catalogue.open(copy) as catalogue:
        plan, photos = catalogue.plan, store.noted("photos")
    assert TrustPass(net, plan, store, photos).total == 0
    before = [store.read(row) for row in store.rows("trust")]
    assert len(before) == 2 * 122
    with writing(copy, print) as writer:
        for owner in {one.owner for one in before}:
            writer.forget("trust", owner)
    looking = TrustPass(net, plan, store, photos)
    assert looking.total == len(before)
    kept = next(looking.records())
    with writing(copy, print) as writer:
        writer.add([replace(kept[0], facts={**kept[0].facts, "mark": 1}), *kept[1:]])
    store.close()
    nv.catalogue.build(net, copy, steps=12, seeds=2, **QUICK).close()
    store = Store(copy)
    after = [store.read(row) for row in store.rows("trust")]
    store.close()
    assert [one.facts.get("mark") for one in after].count(1) == 1  # not done twice
    for old, new in zip(before, after, strict=True):
        assert (old.layer, old.unit, old.seed) == (new.layer, new.unit, new.seed)
        for one, other in zip(trust_of(old).parts.values(), trust_of(new).parts.values(), strict=True):
            assert (one.value is None) == (other.value is None)
            assert one.value is None or one.value == pytest.approx(other.value, abs=1e-4)


def test_a_judge_gives_the_class_a_probability(net, copy):
    model = keras.models.clone_model(net.model)
    model.set_weights([weight * np.float32(0.98) for weight in net.model.get_weights()])
    judge = nv.load(model, input_range=(0, 1), class_names=list(net.class_names), head="softmax")
    nv.catalogue.build(net, copy, steps=12, seeds=2, judge=judge, **QUICK).close()
    own = trusts(copy, "logits")
    assert mean(own, "judge") > 0.8
    assert all("features of" in one.match.sentence for one in own if one.match.value is not None)
    assert all(one.judge.value is None and "no class" in one.judge.sentence for one in trusts(copy, "conv3"))
    with nv.catalogue.build(net, copy, steps=12, seeds=2, **QUICK) as catalogue:  # without one it stays
        assert catalogue["logits", 3].trust.judge == own[3].judge
    assert mean(changed(net, copy, "logits", of_another, judge=judge), "judge") < 0.2


def test_what_is_no_second_view_is_refused(net, tmp_path):
    with pytest.raises(ValueError, match="is the network itself: give another"):
        nv.catalogue.build(net, tmp_path / "a", judge=net, **QUICK)
    with pytest.raises(TypeError, match=r"judge is a network from nbfeatviz.load, or None, not 'lite'"):
        nv.catalogue.build(net, tmp_path / "a", judge="lite", **QUICK)
    assert not (tmp_path / "a").exists()


COLOURS = np.random.default_rng(0).random((40, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    """A catalogue of a network whose units are the mean red, green and blue, and then their differences."""
    photos = tmp_path_factory.mktemp("colours")
    for place, colour in enumerate(COLOURS):
        Image.fromarray(np.full((8, 8, 3), np.round(colour * 255), np.uint8)).save(photos / f"{place:02}.png")
    colours = keras.layers.Conv2D(3, 1, name="colours", kernel_initializer="zeros")
    differences = keras.layers.Conv2D(3, 1, name="differences", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((8, 8, 3)), colours, differences])
    colours.set_weights([np.eye(3, dtype=np.float32)[None, None], np.zeros(3)])
    differences.set_weights([(np.eye(3) - 1 / 3)[None, None], np.zeros(3)])
    net = nv.load(model, input_range=(0, 1))
    path = tmp_path_factory.mktemp("linear") / "linear.nbfv"
    nv.catalogue.build(net, path, photos=photos, steps=2, **QUICK).close()
    return net, path, photos


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_a_linear_network_is_known_by_formula(linear, tmp_path, unit):
    net, path, photos = linear
    copy = shutil.copytree(path, tmp_path / "linear.nbfv")
    pure = np.eye(3, dtype=np.float32)
    found = changed(net, copy, "colours", lambda records, one, seed: flat(pure[one]), photos=photos)[unit]
    shown = np.round(COLOURS * 255) / 255
    rise = (1 - shown[:, unit].mean()) / shown[:, unit].std()
    assert found.selectivity.value == 1
    assert f"raises this unit {rise:.1f} deviations" in found.selectivity.sentence
    assert found.path.value is None
    fooled = changed(net, copy, "colours", lambda records, one, seed: flat(pure[(one + 1) % 3]), photos=photos)[unit]
    assert fooled.selectivity.value == 0
    assert f"lowers this unit {shown[:, unit].mean() / shown[:, unit].std():.1f} deviations" in (
        fooled.selectivity.sentence
    )


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_the_way_and_the_match_of_a_linear_network(linear, tmp_path, unit):
    net, path, photos = linear
    copy = shutil.copytree(path, tmp_path / "linear.nbfv")
    pure = np.eye(3, dtype=np.float32)
    own = changed(net, copy, "differences", lambda records, one, seed: flat(pure[one]), photos=photos)[unit]
    fooled = changed(net, copy, "differences", lambda records, one, seed: flat(1 - pure[one]), photos=photos)[unit]
    assert own.path.value > 0.8
    assert fooled.path.value == 0
    assert own.match.value == 1
    assert fooled.match.value == 0


def flat(colour):
    return encoded(np.tile(colour, (8, 8, 1)).astype(np.float32))


def test_without_photographs_there_is_no_trust_and_with_two_parts_are_unknown(net, tmp_path):
    with nv.catalogue.build(net, tmp_path / "a", layers="conv2", photos=False, steps=2, **QUICK) as catalogue:
        assert catalogue["conv2", 0].trust is None
    photos = tmp_path / "photos"
    photos.mkdir()
    for place in range(2):
        Image.fromarray(np.full((28, 28), 80 * place, np.uint8)).save(photos / f"{place}.png")
    with nv.catalogue.build(net, tmp_path / "a", layers="conv2", photos=photos, steps=2, **QUICK) as catalogue:
        found = [catalogue["conv2", unit].trust for unit in range(32)]
    assert all(one.path.value is None and "No two photographs" in one.path.sentence for one in found)
    assert all(one.seeds.value is None and "more seeds" in one.seeds.sentence for one in found)


def test_a_damaged_trust_is_named(folder):
    store = Store(folder)
    good = store.read(store.rows("trust")[0])
    store.close()
    assert trust_of(good).gauge == pytest.approx(good.score)
    parts = good.facts["parts"]
    for wrong in ({}, {**parts, "path": [2, "x"]}, {**parts, "path": [0.5, 3]}, {**parts, "path": [True, "x"]}, "x"):
        with pytest.raises(DamagedError, match="trust of unit 0 of 'conv1' is damaged"):
            trust_of(Record("trust", good.owner, "conv1", 0, 0, facts={"parts": wrong}))
