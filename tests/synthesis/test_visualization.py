"""Results: how they are saved, shown, and made again from their own code."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.encoding import to_uint8
from nbfeatviz.synthesis.visualization import Settings
from tests.synthesis.conftest import Applied, make_one_layer

UNIT = objectives.channel("conv2", 1)


@pytest.fixture(scope="module")
def run(net):
    return nv.maximize(net, UNIT, recipe="tutorial13", steps=5, seed=3)


def by_channels(channels):
    keras.utils.set_random_seed(3)
    network = make_one_layer(keras.layers.Conv2D(2, 3, name="conv"), channels=channels)
    return nv.maximize(network, objectives.channel("conv", 1), recipe="tutorial13", steps=2)


def test_frames_and_numbers_are_those_of_the_steps(net, run):
    steps = list(nv.ascend(net, UNIT, recipe="tutorial13", steps=5, seed=3))
    assert run.steps == tuple(step.numbers for step in steps)
    assert len(run.frames) == 5
    for frame, step in zip(run.frames, steps, strict=True):
        assert abs(frame - step.image).max() <= 0.5 / 255 + 1e-6  # 8 bits a value
    assert run.settings == Settings("... 'tiny'", UNIT, recipes.get("tutorial13"), 5, 1.0, 3)


def test_png_keeps_every_level(run, tmp_path):
    path = run.save(tmp_path / "picture.png", display="as it is")
    assert np.array_equal(np.asarray(Image.open(path)), to_uint8(run.image))
    assert path == tmp_path / "picture.png"


@pytest.mark.parametrize("ending", [".gif", ".webp", ".WEBP"])
def test_an_animation_shows_the_run_and_its_end(run, tmp_path, ending):
    image = Image.open(run.save(str(tmp_path / f"run{ending}")))
    # every step and the last picture; WebP joins frames that its compression makes alike
    assert image.n_frames == 6 if ending == ".gif" else 3 <= image.n_frames <= 6
    assert image.size == (16, 16)
    image.seek(image.n_frames - 1)
    last = np.asarray(image.convert("RGB")).astype(float)
    # colours are reduced or compressed, but the last frame is nearer to the last picture than to the start
    assert abs(last - to_uint8(run.image)).mean() < abs(last - to_uint8(run.frames[0])).mean()


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".JPG"])
def test_jpeg_is_near(run, tmp_path, ending):
    image = Image.open(run.save(tmp_path / f"picture{ending}", display="as it is"))
    assert (image.format, image.size, image.mode) == ("JPEG", (16, 16), "RGB")
    assert abs(np.asarray(image).astype(float) - to_uint8(run.image)).mean() < 10


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("ending", ["png", "gif", "webp", "jpg"])
def test_grey_and_transparent_pictures_can_be_saved(channels, ending, tmp_path):
    path = by_channels(channels).save(tmp_path / f"picture.{ending}")
    assert Image.open(path).size == (8, 8)


@pytest.mark.parametrize("channels", [2, 5])
def test_other_channels_run_but_are_no_picture(channels, tmp_path):
    run = by_channels(channels)
    assert len(run.frames) == 0
    assert len(run.steps) == 2
    assert run._repr_png_() is None
    for ending in ("png", "gif", "jpg"):
        with pytest.raises(ValueError, match=f"1, 3 or 4 channels.*has {channels}"):
            run.save(tmp_path / f"picture.{ending}")
        assert not (tmp_path / f"picture.{ending}").exists()


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "picture.png.txt", ".png"])
def test_another_ending_is_refused(run, tmp_path, name):
    with pytest.raises(ValueError, match=r"\.png, \.jpg.*\.gif or \.webp") as caught:
        run.save(tmp_path / name)
    assert repr(name) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(run, tmp_path):
    with pytest.raises(ValueError, match="no folder .*missing.*picture.png"):
        run.save(tmp_path / "missing" / "picture.png")


def test_a_notebook_shows_it(run):
    shown = Image.open(io.BytesIO(run._repr_png_()))
    low, high = run.image.min(), run.image.max()  # the tutorial shows it stretched
    assert np.array_equal(np.asarray(shown), to_uint8((run.image - low) / (high - low)))


def test_a_failed_run_can_be_saved(tmp_path):
    from tests.synthesis.test_ascent import bursting

    network = make_one_layer(Applied(bursting, name="layer"))
    unit = sum((objectives.channel("layer", k) for k in (1, 2)), start=objectives.channel("layer", 0))
    with pytest.raises(nv.NotFiniteError) as caught:
        nv.maximize(network, unit, recipe=recipes.get("lucid").replace(transforms=()), steps=50)
    kept = caught.value.visualization
    assert Image.open(kept.save(tmp_path / "kept.gif")).n_frames == len(kept.steps) + 1


def made_again(run, net, **names):
    code = run.settings.code(*(["begin"] if "begin" in names else []))
    assert "\n" not in code
    return eval(code, {"nv": nv, "objectives": objectives, "net": net, **names})


CUSTOM = recipes.get("lucid").replace(
    parameterization=recipes.Fourier(deviation=0.02, decay=1.5),
    transforms=(recipes.Pad(0.25), recipes.Jitter(0.2)),
    step_rule=recipes.Adam(beta1=0.5),
    passed_gradients=0,
)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"recipe": "tutorial13", "seed": 12},
        {"step_size": 0.1 + 0.2, "size": (12, 20)},
        {"step_size": 0.012345678901},
        {"step_size": np.float32(0.1)},
        {"objective": UNIT * (1 / 3) - objectives.neuron("conv1", 2, 3, 4, pre_activation=True) * 1e-3},
        {"objective": objectives.class_logit("bee"), "size": 16},
        {"recipe": recipes.get("lucid").replace(step_size=0.2, steps=7)},
        {"recipe": CUSTOM},
        {"recipe": CUSTOM.replace(name="mine", transforms=())},
        {"recipe": CUSTOM.replace(name="mine", transforms=(recipes.Jitter(0.2),))},
    ],
    ids=str,
)
def test_its_code_makes_the_same_bits(net, settings):
    run = nv.maximize(**{"net": net, "objective": UNIT, "steps": 3, **settings})
    again = made_again(run, net)
    assert np.array_equal(again.image, run.image)
    assert again.settings == run.settings


def test_its_code_goes_on_from_a_result(net, run):
    second = nv.maximize(net, objectives.channel("conv2", 3), recipe="lucid", steps=3, start=run)
    assert second.settings.start == run.settings
    first = made_again(run, net)
    assert np.array_equal(made_again(second, net, begin=first).image, second.image)


def test_the_code_of_a_sheet_makes_the_sheet(net):
    for settings in ({}, {"columns": 3, "pre_activation": True, "seed": 4}, {"normalize": "each", "show_size": 5}):
        sheet = nv.maximize_grid(net, "relu2", range(1, 4), recipe="tutorial13", steps=2, **settings)
        again = made_again(sheet, net)
        assert np.array_equal(again.image, sheet.image)
        assert again.settings == sheet.settings


def test_a_given_picture_is_said_to_be_one(net):
    run = nv.maximize(net, UNIT, steps=1, start=np.full((16, 16, 3), 0.5))
    assert run.settings.start == "picture"
    assert nv.maximize(net, UNIT, steps=1).settings.start is None


def test_the_code_of_a_chain_makes_the_last_picture():
    """The whole text that the panel gives: run, retargeted, gone on from with another recipe and step size."""
    from nbfeatviz.widgets import export

    net = nv.load("mnist-cnn")
    ascent = nv.ascend(net, objectives.channel("conv2", 3), recipe="tutorial13-mnist", steps=3, seed=1)
    list(ascent)
    ascent.retarget(objectives.class_logit(7) * (1 / 3), steps=2, step_size=1 / 7)
    list(ascent)
    last = nv.maximize(net, objectives.class_logit("7"), recipe="lucid", steps=3, seed=9, start=ascent.visualization())
    code, names = export.code(last.settings), {}
    lines, shown = code.rsplit("\n", 1)
    exec(lines, names)
    assert lines.count("nv.maximize(") == 3
    assert np.array_equal(eval(shown, names).image, last.image)


@pytest.mark.parametrize("ending", ["png", "gif", "jpg"])
def test_on_a_full_disk_what_was_there_stays_and_nothing_else(run, tmp_path, monkeypatch, ending: str):
    target = tmp_path / f"picture.{ending}"
    target.write_bytes(b"before")

    def full(self, data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(target), "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run.save(target)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(target.name, b"before")]


def test_a_result_prints_as_a_line(net, run):
    assert repr(run) == "<Visualization: 16×16×3, 5 steps of 'tutorial13', objectives.channel('conv2', 1)>"
    sheet = nv.maximize_grid(net, "conv2", units=[0, 1], recipe="tutorial13", steps=1)
    assert repr(sheet).endswith("1 step of 'tutorial13', 2 objectives>")
