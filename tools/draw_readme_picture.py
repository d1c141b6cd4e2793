"""Draw README's picture, ``book/images/neighbours.png``: test images and the training images nearest to them."""

from pathlib import Path

from cnncourse.data import cifar10
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.visualize import neighbors_figure

CHOSEN = [4, 19, 25, 31, 52]  # test images: right, half right and wrong ones


def main() -> None:
    (images, labels), (tests, answers) = cifar10.load("train", 5_000), cifar10.load("test", 200)
    _, found = KNeighborsClassifier(8).fit(images, labels).kneighbors(tests[CHOSEN])
    figure = neighbors_figure(
        tests[CHOSEN], answers[CHOSEN], images[found], labels[found], cifar10.CLASSES, size=0.72
    )
    figure.savefig(Path(__file__).parents[1] / "book" / "images" / "neighbours.png", dpi=110)


if __name__ == "__main__":
    main()
