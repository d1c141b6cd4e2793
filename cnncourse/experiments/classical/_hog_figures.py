"""The figures of `hog_detector`, drawn from its result."""

from cnncourse.experiments._scenes import scenes_of
from cnncourse.training.networks import CLASSES
from cnncourse.visualize.figure import BLUE, COLOURS, DASHES, GREEN, MARKS, ORANGE, VERMILLION, subplots

SHARES = {"ap": "average\nprecision", "precision": "precision", "recall": "recall"}


def draw(result: dict):
    """Faces, the photograph, persons, and what the best detections of persons are."""
    said = result["summary"]
    figure, axes = subplots(2, 2, (9, 6.8), height_ratios=(5, 4))
    _faces(axes[0, 0], said["faces"])
    _rounds(axes[0, 1], said["photograph"])
    _bars(axes[1, 0], said["persons"], "AP on persons in scenes [%]", [BLUE, BLUE, *[ORANGE] * 3])
    _bars(axes[1, 1], said["kinds"], "HOG's best detections [%]", (GREEN, ORANGE, VERMILLION, BLUE))
    return figure


def _faces(ax, said: dict) -> None:
    """Three measures on held-out windows for every C, with the deviation over seeds."""
    for number, (C, one) in enumerate(said.items()):
        places = [place + 0.2 * (number - 1) for place in range(len(SHARES))]
        means, deviations = ([one[name][key] for name in SHARES] for key in ("mean", "std"))
        look = {"color": COLOURS[number], "fmt": MARKS[number], "capsize": 3, "label": f"C = {C}"}
        ax.errorbar(places, means, yerr=deviations, **look)
    ax.set_xticks(range(len(SHARES)), list(SHARES.values()))
    ax.set(xlim=(-0.5, 2.5), ylabel="[%]", title="faces: held-out windows")
    ax.grid(False, axis="x")


def _rounds(ax, said: dict) -> None:
    """How many detections there are after each round, and how many are better than the face."""
    for number, (C, one) in enumerate(said.items()):
        rounds = range(len(one["detections"]))
        look = {"color": COLOURS[number], "linestyle": DASHES[number], "marker": MARKS[number]}
        ax.plot(rounds, one["detections"], label=f"C = {C}", **look)
        for at, rank in enumerate(one["rank"]):
            if rank is not None:
                ax.plot(at, rank, "*", color=COLOURS[number], markersize=13, markeredgecolor="black")
    ax.plot([], [], "*", color="white", markersize=13, markeredgecolor="black", label="the face's rank")
    ax.set(
        yscale="log",
        xlabel="rounds of hard negatives",
        ylabel="detections",
        title="a face in a photograph",
        ylim=(0.8, 1500),
    )
    ax.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    ax.set_xticks(list(rounds))
    ax.legend(fontsize=10)


def _bars(ax, said: dict, label: str, colours) -> None:
    """A bar a name, its mean written beside it."""
    for row, (value, colour) in enumerate(zip(said.values(), colours, strict=False)):
        ax.barh(row, value["mean"], xerr=value["std"] if value["n"] > 1 else None, capsize=2, color=colour)
        end = value["mean"] + value["std"]
        ax.annotate(
            f"{value['mean']:.0f} %", (end, row), xytext=(4, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(said)), list(said))
    ax.invert_yaxis()
    ax.set(xlabel=label, xlim=(0, 119))
    ax.set_xticks(range(0, 101, 25))
    ax.grid(False, axis="y")


# ----------------------------------------------------------------------------------------------------- pictures
def photograph(result: dict, face: tuple[float, ...]):
    """The best boxes in the photograph before and after learning from mistakes; the face's own, dashed."""
    from skimage import data

    row = next(row for row in result["runs"] if row["part"] == "photograph" and row["C"] == 0.1)
    figure, (axes,) = subplots(1, 2, (9, 4.9))
    for ax, at in zip(axes, (0, -1), strict=True):
        boxes = row["shown"][at]
        ax.imshow(data.astronaut())
        for box in reversed(boxes):
            _rectangle(ax, box, VERMILLION)
        _rectangle(ax, face, GREEN, "--")
        ax.set_title(f"{len(boxes)} best of {row['detections'][at]:,}; {_said(row['rank'][at])}", fontsize=11)
        ax.axis("off")
    return figure


def _said(rank: int | None) -> str:
    return "none on the face" if rank is None else f"on the face: number {rank}"


def scenes(result: dict, columns: int = 6):
    """Scenes with persons (dashed), and the best box that the template finds in each."""
    row = next(row for row in result["runs"] if row["part"] == "persons")
    figure, (axes,) = subplots(1, columns, (2.1 * columns, 2.45))
    with_persons = [
        (image, annotation, boxes)
        for (image, annotation), boxes in zip(scenes_of("test", 40), row["shown"], strict=False)
        if CLASSES.index("person") in annotation.labels
    ]
    for ax, (image, annotation, boxes) in zip(axes, with_persons, strict=False):
        ax.imshow(image, interpolation="nearest")
        for box in annotation.boxes[annotation.labels == CLASSES.index("person")]:
            _rectangle(ax, box, GREEN, "--")
        for box in boxes:
            _rectangle(ax, box, VERMILLION)
            ax.set_title(f"score {box[4]:.2f}", fontsize=11)
    for ax in axes:
        ax.axis("off")
    return figure


def _rectangle(ax, box, colour: str, style: str = "-") -> None:
    """A box (x1, y1, x2, y2, ...), edges at pixel edges, on a black line that shows on any ground."""
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = box[:4]
    for line, width in (("black", 3.2), (colour, 1.8)):
        at = {"edgecolor": line, "linewidth": width, "linestyle": "-" if line == "black" else style}
        ax.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, **at))
