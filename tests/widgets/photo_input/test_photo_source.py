"""HeldPhoto: the newest that was brought is held, as the network in use sees it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.encoding import encode_png
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.photo_input.photo_source import MOST_BYTES, PhotoSource
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import wait

PHOTO = np.random.default_rng(3).random((20, 30, 3), dtype=np.float32)


@pytest.fixture
def rig(net):
    """A photo, and all that it told: what is shown, how often it changed, complaints."""
    return rigged(net, SameThread())


def rigged(net: Any, worker: Worker | SameThread) -> Any:
    rig = SimpleNamespace(network=net, shown=[], changes=[], complaints=[], worker=worker)
    rig.held = PhotoSource(
        lambda: rig.network,
        worker,
        lambda photo, picture, network: rig.shown.append((photo, picture)),
        lambda: rig.changes.append("changed"),
        rig.complaints.append,
        changing=lambda: rig.changes.append("changing"),
    )
    return rig


def test_it_is_what_read_image_gives_and_is_told_once(rig):
    rig.held.take(PHOTO)
    assert np.array_equal(rig.held.picture, nv.read_image(PHOTO, size=(16, 16)))
    assert rig.shown == [(rig.held.photo, rig.held.picture)]
    assert rig.changes == ["changing", "changed"]
    rig.held.remove()
    assert rig.shown[-1] == (rig.held.photo, rig.held.picture) == (None, None)


def test_the_next_one_has_a_later_number_and_is_fitted_as_the_one_before(rig):
    rig.held.receive("a.png", encode_png(PHOTO))
    rig.held.fit(fit="squash")
    rig.held.fit(centre=(0.0, 1.0))
    assert rig.held.photo.number == 1
    rig.held.sample("coffee")
    photo = rig.held.photo
    assert (photo.number, photo.fit, photo.centre) == (2, "squash", (0.5, 0.5))


def test_of_several_the_newest_is_read_and_one_is_not_overtaken(net):
    worker = Worker()
    rig, release = rigged(net, worker), threading.Event()
    worker.interject(lambda: release.wait(10))
    for name in ("a.png", "b.png", "c.png"):
        rig.held.receive(name, encode_png(PHOTO))
    assert rig.held.reading
    release.set()
    wait(lambda: not rig.held.reading)
    assert [photo.name for photo, _ in rig.shown] == ["c.png"]
    worker.close()


def test_what_is_no_photo_leaves_the_one_before(rig):
    rig.held.take(PHOTO)
    before = rig.held.photo
    rig.held.receive("a.png", b"no picture")
    assert len(rig.complaints) == 1
    for wrong in (b"no picture", np.full((4, 4, 3), 2.0)):
        with pytest.raises(ValueError):
            rig.held.take(wrong)
    with pytest.raises(ValueError, match="at most 9,000,000"):
        rig.held.receive("a.png", bytes(MOST_BYTES + 1))
    assert rig.held.photo is before
    assert not rig.held.reading


def test_one_that_a_network_cannot_have_waits_for_one_that_can(rig, net, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(PHOTO))
    rig.held.take(path)
    path.unlink()  # to be read again for another number of channels
    rig.network = make_network(channels=1)
    assert "no file" in rig.held.refit()
    assert (rig.held.picture, rig.shown[-1]) == (None, (None, None))
    rig.network = net
    assert rig.held.refit() == ""
    assert np.abs(rig.held.picture - nv.read_image(PHOTO, size=(16, 16))).max() < 0.01


def test_after_close_none_is_taken(rig):
    rig.held.take(PHOTO)
    rig.held.close()
    rig.shown.clear()
    rig.held.take(PHOTO)
    assert (rig.held.photo, rig.shown) == (None, [])
