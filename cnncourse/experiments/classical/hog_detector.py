"""How far does one template of HOG features get: on faces, in a photograph, and on persons among other things?

Windows of faces are told from others by a linear SVM, tested on the half that it has not seen. A template learnt from
all of them looks for a face in a photograph of somebody else, before and after learning from its own mistakes in
photographs without faces. Then persons in the scenes, beside the trained networks on the same images.

In the scenes windows have 40 x 32 pixels in cells of 4, for there half of the persons are less than 40 pixels high.
This size and C were chosen on training scenes. At full scale (Pascal VOC by
``--data``) windows are Dalal and Triggs' 128 x 64 in cells of 8, and there are no networks beside them, for the course
stores none that was trained on photographs.
"""

import torch

from cnncourse.classical.template import detect, features_within_margin, train_template
from cnncourse.data import voc
from cnncourse.detection.boxes import box_iou, clip_boxes
from cnncourse.detection.errors import KINDS, error_kinds
from cnncourse.detection.metrics import average_precision_area, evaluate_voc, precision_recall
from cnncourse.experiments._scenes import scenes_of
from cnncourse.experiments.classical import _hog_figures, _templates
from cnncourse.experiments.statistics import spread
from cnncourse.training import networks, tasks, zoo
from cnncourse.training.data import AnnotatedImages

LECTURE = ("G7",)
COSTS = (0.01, 0.1, 1.0)  # C of the SVM
FACE = (174.0, 66.0, 272.0, 168.0)  # the astronaut's, framed as the training windows are: by eye
LEVELS = 8  # an octave, in the photograph: a window of so few pixels bears to be 5 % too large, not 10 %
# The pyramid starts at twice the image's size, for persons half as large as the window.
SIZES = {"enlarge": 2.0}
NETWORKS = {"faster_rcnn": "Faster R-CNN", "yolo": "YOLO", "ssd": "SSD"}
SHARES = ("ap", "precision", "recall")
SHOWN = 20  # boxes of the photograph that a result keeps, the best


def settings(scale: str) -> list[dict]:
    sizes = {"cpu": {"scenes": 1000, "mined": 200}, "full": {"scenes": 5011, "mined": 1000}}[scale]
    test = {"cpu": 300, "full": 4952}[scale]
    networks = [{"part": "network", "name": name, "test": test} for name in NETWORKS if scale == "cpu"]
    return [
        *({"part": "persons", "seed": seed, "test": test, "rounds": 2, **sizes} for seed in range(3)),
        *({"part": "photograph", "C": C, "rounds": 3} for C in COSTS),
        *networks,
        *({"part": "faces", "C": C, "seed": seed} for C in COSTS for seed in range(5)),
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The measures of one part, which the function of its name describes."""
    return PARTS[setting["part"]](setting, data)


def faces(setting: dict, *_) -> dict:
    """Average precision, precision and recall, in percent, on the half of the windows that was not learnt from."""
    generator = torch.Generator().manual_seed(setting["seed"])
    halves = [w[torch.randperm(len(w), generator=generator)].chunk(2) for w in _templates.face_windows()]
    template = train_template(halves[0][0], halves[1][0], 4, C=setting["C"])
    scores = [(features_within_margin(h[1], 4) * template.weight).sum((1, 2, 3)) for h in halves]
    right = torch.tensor([True] * len(scores[0]) + [False] * len(scores[1]))
    scores = torch.cat(scores) + template.bias
    ranked, called = right[scores.argsort(descending=True, stable=True)].long(), scores > 0
    found = {
        "ap": average_precision_area(*precision_recall(ranked, int(right.sum()))),
        "precision": right[called].double().mean(),
        "recall": called[right].double().mean(),
    }
    return {name: round(100 * value.item(), 2) for name, value in found.items()}


def photograph(setting: dict, *_) -> dict:
    """After each round: how many detections, and which of them, best first, is the face (None: none is)."""
    empty = [_templates.photograph(name) for name in _templates.WITHOUT_FACES]
    templates = _templates.learn(*_templates.face_windows(), empty, setting["rounds"], setting["C"], most=200)
    image = _templates.photograph("astronaut")
    found = {"detections": [], "rank": [], "shown": []}
    for template in templates:
        boxes, scores = detect(template, image, per_octave=LEVELS)
        hits = (box_iou(torch.tensor([FACE]), boxes)[0] >= 0.5).nonzero()[:, 0].tolist()
        found["detections"].append(len(boxes))
        found["rank"].append(1 + hits[0] if hits else None)
        found["shown"].append(_templates.listed(boxes[:SHOWN], scores[:SHOWN]))
    return found


def persons(setting: dict, data=None, *_) -> dict:
    """Average precision without and with hard negatives, and what the best detections with them are, in percent."""
    real = data is not None
    label = (voc.CLASSES if real else networks.CLASSES).index("person") + 1
    size, cell = ((128, 64), 8) if real else ((40, 32), 4)
    generator = torch.Generator().manual_seed(setting["seed"])
    train = _templates.annotated("trainval" if real else "train", setting["scenes"], data)
    windows = _templates.person_windows(train, label, size, setting["mined"], generator)
    learnt = _templates.learn(*windows, setting["rounds"], 0.01, most=10, cell=cell, **SIZES)
    found, targets = ([], []), []
    for image, target in _templates.annotated("test", setting["test"], data):
        targets.append(target)
        for template, results in zip((learnt[0], learnt[-1]), found, strict=True):
            # From -1, for precision at a high recall needs the doubtful ones, too.
            boxes, scores = detect(template, image, threshold=-1, **SIZES)
            labels = torch.full((len(boxes),), label)
            results.append({"boxes": clip_boxes(boxes, image.shape[1:]), "labels": labels, "scores": scores})
    classes = len(voc.CLASSES) + 1  # enough for either
    aps = [evaluate_voc(results, targets, classes)["ap"][label].item() for results in found]
    return {
        "ap": [round(100 * ap, 2) for ap in aps],
        "kinds": error_kinds(found[1], targets, classes),
        "shown": [_templates.listed(one["boxes"][:1], one["scores"][:1]) for one in found[1][:40]],
    }


def network(setting: dict, *_) -> dict:
    """Average precision for persons of a trained network, in percent."""
    samples = AnnotatedImages(scenes_of("test", setting["test"]))
    return {"ap": tasks.average_precision(zoo.load(setting["name"]), samples)["person"]}


PARTS = {"faces": faces, "photograph": photograph, "persons": persons, "network": network}


def summary(rows: list[dict]) -> dict:
    """Means over seeds; of the photograph, the counts after each round by C."""
    of = {part: [row for row in rows if row["part"] == part] for part in PARTS}
    return {
        "faces": {
            str(C): {name: spread([r[name] for r in of["faces"] if r["C"] == C]) for name in SHARES}
            for C in COSTS
        },
        "photograph": {str(r["C"]): {k: r[k] for k in ("detections", "rank")} for r in of["photograph"]},
        "persons": {
            "HOG": spread([row["ap"][0] for row in of["persons"]]),
            "HOG, hard negatives": spread([row["ap"][1] for row in of["persons"]]),
            **{NETWORKS[row["name"]]: spread([row["ap"]]) for row in of["network"]},
        },
        "kinds": {kind: spread([row["kinds"][kind] for row in of["persons"]]) for kind in KINDS},
    }


def draw(result: dict):
    """Faces, the photograph, persons, and what the best detections of persons are."""
    return _hog_figures.draw(result)


def pictures(result: dict) -> dict:
    """``photograph``: the boxes found before and after learning from mistakes; ``scenes``: persons, best boxes."""
    scenes = {"scenes": _hog_figures.scenes(result)} if result["data"] == "embedded" else {}
    return {"photograph": _hog_figures.photograph(result, FACE), **scenes}
