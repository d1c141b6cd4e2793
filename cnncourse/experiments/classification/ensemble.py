"""Does an ensemble beat its mean member?

Five networks that differ in their seed alone; their probabilities are averaged. By Jensen's inequality the
ensemble's log-loss can never exceed the mean of its members'; how much lower it is, and what happens to the error,
is measured.
"""

import torch
from torch import nn

from cnncourse.classification import cifar_resnet
from cnncourse.experiments._short import fit, images_of, logits_of
from cnncourse.experiments.statistics import spread
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, VERMILLION, subplots

LECTURE = ("A6",)
MEMBERS = 5


def settings(scale: str) -> list[dict]:
    images, epochs, depth, width = {"cpu": (3000, 10, 8, 0.5), "full": (50_000, 60, 20, 1.0)}[scale]
    return [
        {"seed": seed, "images": images, "epochs": epochs, "depth": depth, "width": width}
        for seed in range(3)
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Log-loss and error in percent on the test set: of each member, and of the ensemble."""
    train = images_of("train", setting["images"], 32, data)
    test = images_of("test", None if setting["images"] == 50_000 else 2000, 32, data)
    images, labels = test.collate([test[i] for i in range(len(test))])
    members = []
    for member in range(MEMBERS):
        seed = MEMBERS * setting["seed"] + member
        torch.manual_seed(seed)
        model = cifar_resnet(setting["depth"], setting["width"])
        recipe = Recipe(setting["epochs"], 64, 0.1, schedule="cosine", weight_decay=5e-4, seed=seed)
        fit(model, train, recipe, device)
        members.append(logits_of(model, images).softmax(1))
    scores = [scores_of(probabilities, labels) for probabilities in (*members, torch.stack(members).mean(0))]
    return {"members": scores[:-1], "ensemble": scores[-1]}


def scores_of(probabilities: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Mean log-loss (natural logarithm) and error in percent of probabilities ``[N, classes]``."""
    loss = nn.functional.nll_loss(probabilities.clamp_min(1e-12).log(), labels).item()
    error = (probabilities.argmax(1) != labels).float().mean().item()
    return {"log_loss": round(loss, 5), "error": round(100 * error, 3)}


def summary(rows: list[dict]) -> dict:
    """Means over all members and all ensembles, and the difference of each ensemble from its mean member."""
    found = {}
    for measure in ("log_loss", "error"):
        mean_members = [sum(one[measure] for one in row["members"]) / MEMBERS for row in rows]
        ensembles = [row["ensemble"][measure] for row in rows]
        best = [min(one[measure] for one in row["members"]) for row in rows]
        found[measure] = {
            "mean member": spread(mean_members),
            "best member": spread(best),
            "ensemble": spread(ensembles),
            "ensemble minus mean member": spread(
                [e - m for e, m in zip(ensembles, mean_members, strict=True)]
            ),
        }
    return found


def draw(result: dict):
    """Every member, their mean, and the ensemble of each group, in log-loss and error."""
    figure, (panels,) = subplots(1, 2, size=(6.4, 3.6))
    for axes, name, label in zip(panels, ("log_loss", "error"), ("log-loss", "test error [%]"), strict=True):
        for group, row in enumerate(result["runs"], 1):
            values = [member[name] for member in row["members"]]
            mean = sum(values) / len(values)
            labels = ["members", "their mean", "ensemble"] if axes is panels[0] and group == 1 else [None] * 3
            axes.plot([group] * len(values), values, "o", color="#777777", ms=5, label=labels[0])
            axes.plot([group - 0.25, group + 0.25], [mean, mean], color=BLUE, linewidth=3, label=labels[1])
            axes.plot(group, row["ensemble"][name], "*", ms=13, color=VERMILLION, label=labels[2])
        groups = len(result["runs"])
        axes.set(xlabel="group", ylabel=label, xticks=range(1, groups + 1), xlim=(0.4, groups + 0.6))
        axes.grid(False, axis="x")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
