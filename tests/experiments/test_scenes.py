"""The experiments on scenes run at a tiny size, and at the papers' size on a few images in VOC's format."""

import itertools
import json

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from cnncourse import files
from cnncourse.data import scenes, voc
from cnncourse.experiments import _scenes, runner
from cnncourse.experiments.detection import _sheets, detector_errors, hierarchical_sampling, line_of_descent
from cnncourse.experiments.segmentation import _segmented, upsampling
from cnncourse.training import networks, zoo

pytestmark = pytest.mark.usefixtures("one_thread")
RESULTS = files.root() / "book" / "results"
# Enough to run every line; nothing can be learnt from so little.
TINY = {
    "line_of_descent": {"images": 4, "test": 3, "proposals": 10, "batch": 2, "epochs": 1},
    "roi_training": {"images": 4, "test": 2, "proposals": 10, "batch": 2, "epochs": 1},
    "hierarchical_sampling": {"images": 4, "test": 2, "proposals": 10, "images_a_step": 2, "epochs": 1},
    "ssd_augmentation": {"images": 4, "test": 2, "batch": 2, "epochs": 1},
    "fcn": {"images": 4, "test": 2, "batch": 2, "epochs": 1},
    "upsampling": {"images": 4, "test": 20, "batch": 2, "epochs": 1},
    "detector_errors": {"scenes": 20},
}
# The papers' networks, so narrow that a CPU trains them on photographs of 96 pixels.
PAPER = {
    "width": 1 / 64,
    "images": 2,
    "test": 1,
    "proposals": 10,
    "batch": 1,
    "images_a_step": 2,
    "epochs": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two scenes in VOC's layout, named as VOC 2007 and 2011 name their splits."""
    root = tmp_path_factory.mktemp("VOC2007")
    for split in ("train", "test"):
        scenes.write_voc(root, split, 2, scenes.Settings(side=96))
    (root / "ImageSets/Segmentation/val.txt").write_text(
        (root / "ImageSets/Segmentation/test.txt").read_text()
    )
    return str(root)


@pytest.mark.parametrize("name", TINY)
def test_every_setting_runs_and_the_summary_and_the_figure_come_out(name):
    module = runner.experiment(name)
    settings = [{**one, **TINY[name]} for one in module.settings("cpu") if one.get("seed", 0) < 1]
    rows = [{**setting, **module.run(setting)} for setting in settings]
    result = {
        "summary": module.summary(rows),
        "runs": json.loads(json.dumps(rows)),
        "scale": "cpu",
        "data": "embedded",
    }
    figures = [module.draw(result)]
    if name in ("line_of_descent", "upsampling"):  # other sheets show stored networks, and take longer
        figures += module.pictures(result).values()
    for figure in figures:
        assert figure.axes and not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("name", [name for name in TINY if name != "detector_errors"])
def test_the_papers_networks_train_on_vocs_folders(name, folder):
    module = runner.experiment(name)
    settings = [one for one in module.settings("full") if one["seed"] == 0]
    assert len({runner._key(setting) for setting in settings}) == len(settings)
    for setting in settings:
        small = {key: PAPER.get(key, value) for key, value in setting.items()}
        assert module.run(small, folder)


def test_folding_batch_normalisation_changes_nothing_but_the_layers():
    classifier = zoo.load("trunk")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before = classifier.features(images)
    folded = _scenes.without_batch_norm(classifier)
    torch.testing.assert_close(folded.features(images), before, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())


def test_seconds_are_those_of_each_module_and_of_everything():
    slow, quick = nn.Linear(1500, 1500), nn.Linear(2, 2)
    with _scenes.seconds_in({"slow": slow, "quick": quick}) as seconds:
        for _ in range(3):
            slow(torch.randn(1500, 1500))
        quick(torch.randn(1, 2))
    assert 0 <= seconds["quick"] < seconds["slow"] < seconds["all"]
    assert not slow._forward_hooks and not slow._forward_pre_hooks


def test_what_is_kept_between_runs_is_not_changed_by_them():
    """Runs share scenes and proposals: a run that flips or leaves out must not do it for the next."""
    images = _scenes.proposed("train", 8, None, 20)
    before = [rows.clone() for rows in images.proposals]
    module = runner.experiment("roi_training")
    module.run({**module.settings("cpu")[0], **TINY["roi_training"]})
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, _scenes.proposed("train", 8, None, 20).proposals, strict=True)
    )


def test_an_image_with_boxes_only_some_of_which_are_difficult_is_trained_without_these():
    images = _scenes.proposed("train", 8, None, 20)
    image, target, proposals = images[0]
    target = {**target, "difficult": torch.ones(len(target["boxes"]), dtype=torch.bool)}
    _, left, same = images.augment((image, target, proposals), torch.Generator())
    assert len(left["boxes"]) == 0 and same is proposals


# ------------------------------------------------------------------------------------ what compared runs start from
class Started(Exception):
    """A training begins: holds the network's weights."""


@pytest.fixture
def first_weights(monkeypatch):
    """A function from an experiment and a setting to the weights that its training begins with."""
    runs = itertools.count(1000)

    def begin(model, *_, **__):
        raise Started({name: value.clone() for name, value in model.state_dict().items()})

    def weights(name: str, setting: dict) -> dict[str, torch.Tensor]:
        module = runner.experiment(name)
        monkeypatch.setattr(module, "measured" if hasattr(module, "measured") else "fit", begin)
        torch.manual_seed(next(runs))  # what ran before must not matter
        with pytest.raises(Started) as started:
            module.run({**setting, **TINY[name]})
        return started.value.args[0]

    return weights


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ["roi_training", "hierarchical_sampling", "ssd_augmentation"])
def test_what_is_compared_starts_from_the_same_weights_and_another_seed_from_others(name, first_weights):
    settings = runner.experiment(name).settings("cpu")
    of_seed = {}
    for setting in settings:
        if setting["seed"] < 2 and setting.get("start", "trunk") == "trunk":
            of_seed.setdefault(setting["seed"], []).append(first_weights(name, setting))
    for same in of_seed.values():
        assert len(same) >= 2 and all(equal(one, same[0]) for one in same)
    assert not equal(of_seed[0][0], of_seed[1][0])


def test_fcn_32s_starts_from_the_same_weights_whether_its_trunk_is_trained_or_not(first_weights):
    settings = [one for one in runner.experiment("fcn").settings("cpu") if one["seed"] == 1]
    fixed, trained = (first_weights("fcn", one) for one in settings if one["network"] in ("32s-fixed", "32s"))
    assert equal(fixed, trained)


def test_all_ways_back_to_the_images_size_start_from_the_same_trained_layers():
    for name, way_down in {
        "8s": "trunk",
        "8s-learned": "trunk",
        "unpooling": "encoder",
        "u-shaped": "down",
    }.items():
        trained = zoo.load("trunk")
        if name == "u-shaped":  # it has no batch normalisation
            trained = _scenes.without_batch_norm(trained)
        model = upsampling.network(name, _scenes.classifier_of({"width": None}), 11)
        layers = [layer for layer in getattr(model, way_down).modules() if isinstance(layer, nn.Conv2d)]
        given = [layer for layer in trained.features if isinstance(layer, nn.Conv2d)]
        assert len(given) == 10
        for mine, other in zip(layers, given, strict=True):
            assert torch.equal(mine.weight, other.weight)


def test_a_region_that_overlaps_nothing_is_background_to_the_courses_fast_rcnn():
    """The head thinks that nothing is background: a region that it should call so costs 50."""
    head = line_of_descent.course_fast_rcnn(networks.narrow_vgg()).head
    nn.init.zeros_(head.score.weight)
    head.score.bias.data[0] = -50
    features, box = torch.zeros(1, networks.CHANNELS, 12, 12), torch.tensor([[0.0, 0, 24, 24]])
    labelled = [{"boxes": box, "labels": torch.tensor([1])}]
    alone = sum(head.losses(features, [box], labelled).values())
    beside = sum(head.losses(features, [torch.tensor([[64.0, 64, 88, 88]])], labelled).values())
    assert alone < 5 and beside > 20


# ------------------------------------------------------------------------------------------ parts of the objects
def target(*boxes):
    boxes = torch.tensor(boxes, dtype=torch.float32)
    return {
        "boxes": boxes,
        "labels": torch.ones(len(boxes), dtype=torch.int64),
        "difficult": torch.zeros(len(boxes), dtype=torch.bool),
    }


def test_thirds_by_area_leave_the_other_objects_out():
    targets = [target((0, 0, 4, 4), (0, 0, 8, 8)), target((0, 0, 16, 16))]
    thirds = detector_errors.by_size(targets)
    counted = {name: [(~t["difficult"]).tolist() for t in part] for name, part in thirds.items()}
    assert counted == {
        "small": [[True, False], [False]],
        "middle": [[False, True], [False]],
        "large": [[False, False], [True]],
    }


def test_objects_share_a_cell_when_their_centres_do():
    cell = detector_errors.CELL
    targets = [target((0, 0, 4, 4), (0, 0, 2 * cell - 2, 2 * cell - 2), (cell, cell, 3 * cell, 3 * cell))]
    parts = detector_errors.by_cell(targets)
    assert (~parts["shares a cell"][0]["difficult"]).tolist() == [True, True, False]
    assert (~parts["alone in its cell"][0]["difficult"]).tolist() == [False, False, True]


def test_mistakes_are_objects_missed_and_detections_of_nothing():
    truth = target((0, 0, 10, 10), (50, 50, 60, 60))
    found = {"boxes": torch.tensor([[0.0, 0, 10, 9], [80, 80, 90, 90]]), "labels": torch.tensor([1, 1])}
    assert _sheets.mistakes(found, truth) == 2
    assert _sheets.mistakes({**found, "labels": torch.tensor([2, 1])}, truth) == 4
    truth["difficult"][1] = True
    assert _sheets.mistakes(found, truth) == 1


def test_sheets_begin_with_full_scenes_without_mistakes_and_keep_what_was_found():
    truth = [target((0, 0, 10, 10)), target(), target((0, 0, 10, 10), (50, 50, 60, 60))]
    found = [
        {"boxes": t["boxes"], "labels": t["labels"], "scores": torch.full((len(t["labels"]),), 0.75)}
        for t in truth
    ]
    found[1]["boxes"] = found[1]["boxes"].reshape(-1, 4)
    truth[1]["boxes"] = truth[1]["boxes"].reshape(-1, 4)
    missed = {name: rows[:0] for name, rows in found[2].items()}
    assert _sheets.best_and_worst([found[0], found[1], missed], truth, 1) == [0, 2]
    assert _sheets.best_and_worst(found, truth, 3)[:3] == [2, 0, 1]  # of equally good ones the fullest
    for one in found:
        again = _sheets.read(json.loads(json.dumps(_sheets.written(one))))
        assert all(torch.equal(again[name], one[name]) for name in one)


# --------------------------------------------------------------------------------------------- what they say
def test_the_line_says_how_many_times_faster_than_rcnn_each_is():
    rows = [
        {
            "method": method,
            "stored": False,
            "map": 50,
            "training_seconds": {"all": 60},
            "image_seconds": parts,
        }
        for method, parts in {
            "rcnn": {"proposals": 0.1, "features": 0.8, "heads": 0.1},
            "ssd": {"proposals": 0.0, "features": 0.05, "heads": 0.05},
        }.items()
    ]
    found = line_of_descent.summary(rows)
    assert found["SSD"]["times_as_fast_as_rcnn"] == 10
    assert found["R-CNN"]["milliseconds"] == {"proposals": 100, "features": 800, "heads": 100}


def test_sampling_compares_kinds_seed_by_seed():
    speeds = {"2 images": 40.0, "32 images": 4.0, "2 images, longer": 40.0}
    rows = [
        {"kind": kind, "seed": seed, "map": 10 * seed + value / 4, "steps_a_second": value}
        for kind, value in speeds.items()
        for seed in range(2)
    ]
    rows.append({"kind": "128 images", "seed": 0, "steps_a_second": 1.0})
    found = hierarchical_sampling.summary(rows)
    assert found["times as fast"] == {"32 images": 10.0, "128 images": 40.0}
    assert found["2 minus 32 images, as many steps"]["mean"] == 9


def test_masks_are_unpacked_as_they_were_packed():
    masks = torch.randint(0, 11, (3, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.equal(_segmented.unpacked(_segmented.packed(masks), 8), masks)


def test_the_splits_share_no_voc_names():
    assert set(detector_errors.SPLITS) <= set(scenes.SPLITS)
    assert _scenes.classes_of({"width": 1.0}) == voc.CLASSES


# ------------------------------------------------------------------------------------ what the page says in words
def stored(name):
    return json.loads((RESULTS / f"{name}.json").read_text())["summary"]


def test_each_stored_detector_finds_at_least_four_fifths_and_loses_on_what_it_never_saw():
    for name in detector_errors.NAMES:
        figures = zoo.record(name)
        assert figures["test_map"] >= 80
        assert figures["unseen_drawings_map"] < figures["unseen_style_map"] < figures["test_map"]


def test_features_cost_rcnn_most_then_proposals_do_then_neither_D5_D8_D13_D17():
    line = stored("line_of_descent")
    times = {name: one["milliseconds"] for name, one in line.items()}
    assert times["R-CNN"]["features"] > times["R-CNN"]["proposals"] + times["R-CNN"]["heads"]
    for name in ("SPP-net", "Fast R-CNN"):
        assert times[name]["proposals"] > times[name]["features"] + times[name]["heads"]
    assert times["Faster R-CNN"]["proposals"] < times["Fast R-CNN"]["proposals"] / 5
    speed = [
        line[name]["times_as_fast_as_rcnn"] for name in ("R-CNN", "SPP-net", "Fast R-CNN", "Faster R-CNN")
    ]
    assert speed[0] < min(speed[1:3]) and max(speed[1:3]) < speed[3]


def test_ssd_is_more_accurate_than_yolo_on_the_same_data_D15b():
    assert zoo.record("ssd")["test_map"] > zoo.record("yolo")["test_map"]


def test_regions_of_two_images_are_many_times_cheaper_and_do_no_visible_harm_D10():
    sampling = stored("hierarchical_sampling")
    assert sampling["times as fast"]["128 images"] > sampling["times as fast"]["32 images"] > 5
    longer = sampling["2, longer, minus 32 images"]
    assert longer["mean"] > -longer["std"]


def test_training_through_roi_pooling_helps_in_every_seed_D9b():
    difference = stored("roi_training")["trained minus frozen"]
    assert difference["positive"] == difference["n"] == 3


def test_training_the_trunk_and_each_skip_help_in_every_seed_and_no_network_passes_its_ceiling_S9():
    said = stored("fcn")
    for difference in (said["32s minus 32s-fixed"], said["16s minus 32s"], said["8s minus 16s"]):
        assert difference["positive"] == difference["n"] == 3
    for name in ("32s", "16s", "8s"):
        assert said[name]["mean_iu"]["mean"] < said[f"ceiling {name[:-1]}"]["mean_iu"]["mean"]


def test_ssds_augmentation_helps_on_nearer_things_and_not_on_scenes_like_those_of_training_D16():
    said = stored("ssd_augmentation")
    for start in ("trunk", "trained-64"):
        assert said[start]["like these"]["difference"]["positive"] == 0
    for start in ("trained-16", "trained-64"):
        assert (
            said[start]["nearer"]["difference"]["positive"] == said[start]["nearer"]["difference"]["n"] == 5
        )
