"""How pictures are displayed: stretched where the recipe's authors showed them so, without being another picture."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.encoding import decode, displayed, encode_frame, encode_jpeg, redisplayed, tile, to_uint8

UNIT = objectives.channel("conv2", 1)
FAINT = (0.5 + 0.04 * np.random.default_rng(5).random((16, 16, 3))).astype(np.float32)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def stretched(picture):
    return (picture - picture.min()) / (picture.max() - picture.min())


def test_the_recipes_whose_authors_stretched_their_pictures_do():
    names = {name for name, recipe in recipes.ALL.items() if recipe.display == "stretched"}
    yosinski = {f"yosinski-{place}" for place in range(1, 5)}
    assert names == {"tutorial13", "tutorial13-mnist", "keras-vis", "maco", *yosinski}
    assert all("stretched for display" in recipes.get(name).reference for name in names)


def test_another_display_is_refused():
    with pytest.raises(ValueError, match="display 'bright' is unknown: it is 'as it is' or 'stretched'"):
        recipes.DEFAULT.replace(display="bright")
    with pytest.raises(ValueError, match="display 3 is unknown"):
        recipes.DEFAULT.replace(display=3)


def test_a_recipe_that_was_saved_before_there_was_a_display_loads():
    old = json.loads(recipes.get("lucid").to_json())
    del old["display"]
    assert recipes.Recipe.from_json(json.dumps(old)) == recipes.get("lucid")
    kept = recipes.get("lucid").replace(display="stretched")
    assert recipes.Recipe.from_json(kept.to_json()) == kept


def test_no_compiled_step_depends_on_it():
    recipe = recipes.get("tutorial13")
    assert recipe.replace(display="as it is").structure == recipe.structure


@pytest.mark.parametrize("picture", [np.full((4, 5, 3), 0.3, np.float32), np.zeros((1, 1, 1), np.float32)])
def test_one_colour_stays_what_it_is(picture):
    assert np.array_equal(displayed(picture, "stretched"), picture)


def test_what_is_no_number_is_grey_and_spoils_nothing():
    picture = FAINT.copy()
    picture[0, 0, 0], picture[0, 1, 0] = np.nan, np.inf
    shown = displayed(picture, "stretched")
    assert np.isfinite(shown).all()
    assert (shown.min(), shown.max()) == (0, 1)
    assert np.isnan(picture[0, 0, 0])


def test_a_picture_is_shown_and_saved_as_its_recipe_says(net, tmp_path):
    run = nv.maximize(net, UNIT, recipe="tutorial13", steps=4, seed=3)
    before = run.image.copy()
    shown = to_uint8(stretched(before))
    assert (shown.min(), shown.max()) == (0, 255) != (to_uint8(before).min(), to_uint8(before).max())
    assert np.array_equal(pixels(run._repr_png_()), shown)
    assert np.array_equal(pixels(run.save(tmp_path / "own.png").read_bytes()), shown)
    assert np.array_equal(pixels(run.save(tmp_path / "plain.png", display="as it is").read_bytes()), to_uint8(before))
    for display, wide in (("as it is", False), (None, True)):
        image = Image.open(run.save(tmp_path / "run.gif", display=display))
        image.seek(1)  # of the faint pictures near the start
        levels = np.asarray(image.convert("L")).astype(int)
        assert (np.ptp(levels) > 100) == wide
    assert np.array_equal(run.image, before)
    with pytest.raises(ValueError, match="display 'both' is unknown"):
        run.save(tmp_path / "own.png", display="both")
    other = nv.maximize(net, UNIT, recipe=recipes.get("tutorial13").replace(display="as it is"), steps=4, seed=3)
    assert np.array_equal(other.image, before)
    assert np.array_equal(pixels(other._repr_png_()), to_uint8(before))
    assert "replace(display='as it is')" in other.settings.code()
    assert "display" not in run.settings.code()


def test_a_sheet_follows_its_recipe_unless_it_was_normalized(net, tmp_path):
    sheet = nv.maximize_grid(net, "conv2", range(3), recipe="tutorial13", steps=3)
    assert np.array_equal(sheet.image, tile(sheet.images))
    each = tile(np.stack([stretched(one) for one in sheet.images]).astype(np.float32))
    assert np.array_equal(pixels(sheet._repr_png_()), to_uint8(each))
    assert np.array_equal(pixels(sheet.save(tmp_path / "sheet.png").read_bytes()), to_uint8(each))
    assert np.array_equal(sheet.displayed("as it is"), sheet.image)
    together = nv.maximize_grid(net, "conv2", range(3), recipe="tutorial13", steps=3, normalize="together")
    assert np.array_equal(pixels(together._repr_png_()), to_uint8(together.image))
    assert not np.array_equal(together.image, each)
    plain, own = nv.compare(net, UNIT, recipe=["default", "tutorial13"], steps=2)
    assert np.array_equal(pixels(plain._repr_png_()), to_uint8(plain.image))
    assert np.array_equal(pixels(own._repr_png_()), to_uint8(stretched(own.image)))


def test_a_stretched_frame_still_holds_the_picture():
    frame = encode_frame(FAINT, "stretched")
    assert np.ptp(pixels(frame).astype(int)) > 200
    assert abs(decode(frame) - FAINT).mean() < abs(decode(encode_jpeg(FAINT)) - FAINT).mean()  # finer levels
    assert redisplayed(frame, "stretched") is frame
    plain = redisplayed(frame, "as it is")
    assert np.ptp(pixels(plain).astype(int)) < 20
    assert encode_frame(FAINT, "as it is") == encode_jpeg(FAINT)
    assert np.ptp(pixels(redisplayed(plain, "stretched")).astype(int)) > 200
