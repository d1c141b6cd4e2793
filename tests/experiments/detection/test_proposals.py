"""The experiment on proposals: methods that know everything or nothing, seconds that are where they are spent."""

import time

import pytest
import torch

from cnncourse.classical.proposals import recall
from cnncourse.data import scenes
from cnncourse.experiments.detection import _proposers, proposals
from cnncourse.training import networks, zoo


@pytest.fixture(scope="module")
def rows():
    """Every method once, on a few scenes, with an untrained network: what it has learnt is not what is tested."""
    few = [{**one, "images": 4} for one in proposals.settings("cpu") if one["seed"] == 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, "load", lambda name: networks.DETECTORS[name]().eval())
        return [{**one, **proposals.run(one)} for one in few]


def test_every_method_is_run_and_drawn(rows):
    summary = proposals.summary(rows)
    assert list(summary["methods"]) == list(proposals.METHODS)
    figure = proposals.draw({"summary": summary, "runs": rows})
    assert {line.get_label() for line in figure.axes[0].lines} == set(proposals.METHODS)


def test_recall_grows_with_the_number_and_falls_with_the_overlap(rows):
    for row in rows:
        low, high = row["recall at 0.5"], row["recall at 0.7"]
        assert low == sorted(low) and high == sorted(high)
        assert all(a >= b for a, b in zip(low, high, strict=True))


def test_recall_and_medians_are_those_of_boxes_collected_by_hand(rows):
    """An oracle: the same boxes from the methods themselves, all objects that are not difficult."""
    row = next(row for row in rows if row["method"] == "Edge Boxes")
    few = scenes.compose_many("test", 4, networks.SCENES)
    images = [torch.from_numpy(one.image).permute(2, 0, 1).float() / 255 for one in few]
    found = [_proposers.edge_boxes(image, min_area=300, refined=20)[0] for image in images]
    objects = [torch.from_numpy(o.annotation.boxes)[~torch.from_numpy(o.annotation.difficult)] for o in few]
    expected = recall(found, objects, proposals.COUNTS, 0.7).tolist()
    assert row["recall at 0.7"] == pytest.approx(expected, abs=1e-4)
    assert row["boxes"] == sorted(map(len, found))[1]


def test_seconds_are_counted_in_the_step_that_spends_them():
    model = networks.faster_rcnn().eval()
    box = torch.tensor([[10.0, 10, 60, 60]])

    def slow(*_):
        start = time.process_time()
        while time.process_time() - start < 0.3:
            pass
        return box

    with torch.no_grad():
        boxes, (proposing, trunk, head) = _proposers.timed(slow, model, torch.rand(3, 96, 96), "cpu")
    assert torch.equal(boxes, box)
    assert 0.3 <= proposing and trunk > 0 and head > 0
    with torch.no_grad():
        _, again = _proposers.timed(lambda *_: box, model, torch.rand(3, 96, 96), "cpu")
    assert again[0] < 0.1


def test_the_rpn_gives_more_than_a_detector_asks_for_in_the_images_pixels():
    model = networks.faster_rcnn().eval()
    propose = _proposers.proposer("RPN", 0, 1000, False, model.rpn)
    image = torch.rand(3, 192, 192)  # which the network sees at 96 pixels
    with torch.no_grad():
        boxes, _ = _proposers.timed(propose, model, image, "cpu")
    assert len(boxes) > 50
    assert boxes.max() > 150 and boxes.min() >= 0 and boxes.max() <= 192


def test_threads_are_given_back():
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError), _proposers.one_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == threads


def test_a_folder_in_vocs_layout_is_measured_with_published_settings(tmp_path, monkeypatch):
    scenes.write_voc(tmp_path, "test", 2, scenes.Settings(side=96))
    monkeypatch.setattr(proposals, "faster_rcnn_vgg", lambda: networks.faster_rcnn())
    setting = next(one for one in proposals.settings("full") if one["method"] == "Selective Search")
    found = proposals.run({**setting, "images": 2}, str(tmp_path))
    assert found["boxes"] > 0 and len(found["recall at 0.5"]) == len(proposals.COUNTS)
