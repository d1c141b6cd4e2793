"""One command, ``cnncourse``.

Every subcommand imports what it needs inside its body: ``cnncourse --help`` must not wait for torch.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cnncourse.files import FileError

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """A course on convolutional networks that people can run."""


@contextlib.contextmanager
def _in_one_line(*errors: type[Exception]) -> Iterator[None]:
    """A file that cannot be used, or another of these errors, is one line and exit status 1, not a traceback."""
    try:
        yield
    except (FileError, *errors) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None


@app.command()
def doctor() -> None:
    """Say what is missing or slow on this machine, and what to do."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from cnncourse.doctor import examine

    console = Console()
    with console.status("Looking around (importing torch takes a few seconds)"):
        findings = examine()
    marks = {"ok": "[green]ok[/]", "slow": "[yellow]slow[/]", "missing": "[red]missing[/]"}
    table = Table("", "what", "found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(marks[finding.state], finding.name, escape(finding.found))
        if finding.advice:
            table.add_row("", "", f"[dim]→ {escape(finding.advice)}[/]")
    console.print(table)
    missing = [finding.name for finding in findings if finding.state == "missing"]
    console.print(
        f"\nMissing: {', '.join(missing)}." if missing else "\nNothing that the course needs is missing."
    )
    raise typer.Exit(code=1 if missing else 0)


@app.command()
def release(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is wrong; write and run nothing.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Run every solution, changed or not.")] = False,
) -> None:
    """Write the solutions' exercises from the library, run what changed, and make the labs from them."""
    from cnncourse import files
    from cnncourse import release as notebooks

    root = files.root()
    try:
        if not check:
            notebooks.release(root, again)
        findings = notebooks.check(root)
    except notebooks.ReleaseError as error:
        findings = [error]
    for finding in findings:
        typer.echo(str(finding), err=True)
    raise typer.Exit(code=1 if findings else 0)


data = typer.Typer(no_args_is_help=True, help="The data sets: compose, download, look.")
app.add_typer(data, name="data")


@data.command()
def compose() -> None:
    """Compose the embedded data set into the cache, as far as it is not there."""
    from cnncourse.data import cache

    with _in_one_line():
        typer.echo(f"The embedded data set is in {cache.compose_all()}")


@data.command()
def download(
    folder: Annotated[str | None, typer.Option(help="Where to; by default the cache.")] = None,
) -> None:
    """Fetch the real CIFAR-10 (170 MB) and check it."""
    from cnncourse.data import cifar10

    with _in_one_line():
        typer.echo(f"CIFAR-10 is in {cifar10.download(folder)}")


@data.command()
def sheet(
    split: Annotated[str, typer.Argument(help="train, test, unseen_drawings, unseen_style or difficulties.")],
    file: Annotated[str, typer.Argument(help="The picture to write, such as train.png.")],
) -> None:
    """Draw a sheet of a split's images, or of one scene at growing strengths of each difficulty."""
    from cnncourse.data import embedded, sheets

    if split not in (*embedded.SPLITS, "difficulties"):
        raise typer.BadParameter(f"There are {', '.join(embedded.SPLITS)} and difficulties.")
    picture = sheets.difficulty_sheet() if split == "difficulties" else sheets.split_sheet(split)
    picture.save(file)


@data.command("scenes")
def write_scenes(
    folder: Annotated[Path, typer.Argument(help="Where to, in Pascal VOC's layout.")],
    split: Annotated[str, typer.Option(help="train, test, unseen_drawings or unseen_style.")] = "train",
    count: Annotated[int, typer.Option(min=1, help="How many scenes, from the first.")] = 1000,
    side: Annotated[int, typer.Option(min=16, help="Height and width in pixels.")] = 96,
    objects: Annotated[tuple[int, int], typer.Option(help="The fewest and the most in a scene.")] = (1, 3),
) -> None:
    """Compose scenes with boxes and masks, written in Pascal VOC's layout."""
    from cnncourse.data import scenes

    try:
        settings = scenes.Settings(side=side, objects=objects)
        with _in_one_line():
            scenes.write_voc(folder, split, count, settings)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"{count} scenes are in {folder}; VOC({str(folder)!r}, {split!r}) reads them.")


@app.command()
def grade(
    submissions: Annotated[
        list[Path], typer.Argument(help="Notebooks or .py files, or folders of them.", exists=True)
    ],
    lab: Annotated[
        str, typer.Option(help="The lab, whatever the files say; such as 01_nearest_neighbours.")
    ] = "",
    device: Annotated[str, typer.Option(help="cpu or cuda: where the torch inputs are.")] = "cpu",
    isolation: Annotated[
        str, typer.Option(help="auto, strict (refuse without namespaces) or none.")
    ] = "auto",
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("grades"),
    jobs: Annotated[int, typer.Option(min=1, help="Graders at a time.")] = 1,
    seed: Annotated[int, typer.Option(help="Varies the random inputs of the tests.")] = 0,
) -> None:
    """Grade submissions: a table here, a page for each student, files for Gradescope, JUnit and spreadsheets."""
    from rich.console import Console

    from cnncourse.grading.reports.terminal import grade_and_show
    from cnncourse.grading.run import Options, submissions_in

    paths = submissions_in(submissions)
    if not paths:
        raise typer.BadParameter("There are no notebooks and no .py files in these folders.")
    try:
        status = grade_and_show(paths, Options(lab, device, isolation, seed), out, jobs, Console())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(code=status)


@app.command()
def reproduce(
    names: Annotated[list[str] | None, typer.Argument(help="Experiments; --list names them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every experiment, one after another.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Name the experiments and end.")] = False,
    scale: Annotated[
        str, typer.Option(help="cpu (minutes on two cores) or full (real data, a GPU).")
    ] = "cpu",
    data: Annotated[
        str | None, typer.Option(help="Folder of real data; by default the embedded set.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs side by side; by default one a core.")] = None,
    results: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("book/results"),
) -> None:
    """Measure claims of the lecture anew. A run that was cut off goes on where it stopped."""
    from cnncourse.experiments import runner

    chosen = runner.names() if everything or list_ else names
    if not chosen:
        raise typer.BadParameter(f"Name an experiment, or --all: {', '.join(runner.names())}.")
    try:
        known = {one: runner.seconds_known(one, results, scale) for one in chosen}
        for one, seconds in known.items():
            took = "not measured yet" if seconds is None else f"{seconds / 60:.1f} min when last run"
            typer.echo(f"{one:24} {took:26} {runner.question(one)}")
        if list_:
            raise typer.Exit
        sweep = runner.Sweep(results / ".runs", f"reproduce {scale} {data} {device}", chosen, runner.code)
        if sweep.done:
            typer.echo(f"{len(sweep.done)} of {len(chosen)} were done before this was cut off.")
        typer.echo(
            f"What is left takes about {sum(known[one] or 300 for one in sweep.left) / 60:.0f} minutes."
        )
        for one in sweep.left:
            with _in_one_line():
                _reproduce_one(one, results, scale, data, device, jobs)
                sweep.add(one)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _reproduce_one(name: str, results: Path, scale: str, *options) -> None:
    from cnncourse.experiments import runner
    from cnncourse.progress import progress_bar

    with progress_bar(name, unit="runs") as advance:
        runner.reproduce(
            name, results, scale, *options, progress=lambda done, total: advance(done=done, total=total)
        )
    typer.echo(f"Wrote {runner.result_file(name, results, scale)}")


@app.command()
def selftest(
    lab: Annotated[str, typer.Argument(help="A lab, such as 01_nearest_neighbours; all, if left out.")] = "",
    isolation: Annotated[str, typer.Option(help="auto, strict or none.")] = "auto",
) -> None:
    """Grade the known-right and known-wrong submissions: do the tests still judge them as they should?"""
    from rich.console import Console

    from cnncourse.grading.reports.terminal import selftest_and_show
    from cnncourse.grading.run import Options
    from cnncourse.grading.selftest import labs

    try:
        status = selftest_and_show(labs(lab), Options(isolation=isolation), Console())
    except (ValueError, FileNotFoundError) as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(code=status)


@app.command()
def summary(
    name: Annotated[
        str, typer.Argument(help="For example alexnet, vgg16, googlenet, resnet50, cifar_resnet20.")
    ],
    variant: Annotated[str, typer.Option(help="paper or torchvision, where a network has both.")] = "paper",
    input_size: Annotated[int | None, typer.Option(help="Height and width of the image.")] = None,
    width: Annotated[float, typer.Option(help="This many times the channels.")] = 1.0,
    classes: Annotated[int | None, typer.Option(help="Outputs of the last layer.")] = None,
) -> None:
    """Print a network layer by layer: sizes, parameters, multiply-accumulates, receptive fields."""
    import sys
    from inspect import signature

    import torch
    from rich.console import Console

    from cnncourse.classification import NETWORKS
    from cnncourse.classification.summary import summary_table

    if name not in NETWORKS:
        raise typer.BadParameter(f"{name} is not known; there are {', '.join(NETWORKS)}.")
    options = {"variant": variant, "input_size": input_size, "width": width, "classes": classes}
    if "variant" not in signature(NETWORKS[name]).parameters and options.pop("variant") != "paper":
        raise typer.BadParameter(f"{name} has no variants: leave --variant out.")
    try:
        with torch.device("meta"):  # shapes without numbers: nothing is drawn or computed
            model = NETWORKS[name](**{key: value for key, value in options.items() if value is not None})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    console = Console(width=None if sys.stdout.isatty() else 130)  # a pipe has no width: then nothing is cut
    console.print(summary_table(model, name, exact=console.width >= 105))


@app.command()
def train(
    network: Annotated[str, typer.Argument(help="Such as cifar_resnet20, alexnet, vgg16.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints; training goes on from what lies there.")],
    data: Annotated[
        str | None,
        typer.Option(help="CIFAR-10's binary folder, or one with train/ and val/ of class folders."),
    ] = None,
    epochs: int = 20,
    batch_size: Annotated[int, typer.Option(help="Images a step, over all processes.")] = 128,
    lr: float = 0.1,
    optimizer: Annotated[str, typer.Option(help="sgd or adam.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="constant, cosine or steps.")] = "cosine",
    weight_decay: float = 5e-4,
    seed: int = 0,
    side: Annotated[int, typer.Option(help="Pixels that a folder's images are brought to.")] = 32,
    width: Annotated[float, typer.Option(help="This many times the network's channels.")] = 1.0,
    count: Annotated[int | None, typer.Option(help="The first so many images only.")] = None,
    augmentation: Annotated[str, typer.Option(help="none or crops.")] = "crops",
    accelerator: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed.")] = "32-true",
    workers: Annotated[int, typer.Option(help="Processes that load images.")] = 0,
) -> None:
    """Train a network. The same line under torchrun uses several processes or GPUs."""
    from cnncourse.training.command import train_network, training_bar
    from cnncourse.training.loop import TrainingError
    from cnncourse.training.recipe import Recipe

    recipe = Recipe(
        epochs, batch_size, lr, optimizer, schedule=schedule, weight_decay=weight_decay, seed=seed
    )
    where = (data, side, width, count, augmentation, accelerator, precision, workers)
    with _in_one_line(TrainingError, ValueError), training_bar(epochs) as progress:
        result = train_network(network, recipe, out, *where, progress=progress)
    typer.echo(f"Best validation error {result['best_validation_error']:.2%}; everything is in {out}")


@app.command()
def weights(
    names: Annotated[list[str] | None, typer.Argument(help="Networks; by default all of them.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Networks side by side; by default one a core.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder for what is not finished yet.")] = Path(
        "book/results/.runs"
    ),
) -> None:
    """Train the small networks of book and labs, and store their weights. Goes on where it was cut off."""
    from cnncourse.experiments import runner
    from cnncourse.processes import cores, side_by_side
    from cnncourse.training import zoo
    from cnncourse.training.loop import TrainingError

    try:
        sweep = runner.Sweep(runs, "weights", names or list(zoo.ZOO), zoo.code)
        order = zoo.in_order(sweep.left)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    jobs = jobs or cores()
    minutes = {name: zoo.minutes_known(name) for group in order for name in group}
    whole = sum(minutes.values()) / max(min(jobs, len(minutes)), 1)
    typer.echo(f"Training {', '.join(minutes)}: about {whole:.0f} minutes.")
    with _in_one_line(TrainingError):
        for group in order:
            for _, found in side_by_side(zoo.make, [(name, zoo.FOLDER, runs) for name in group], jobs):
                sweep.add(found["network"])
                measured = [
                    f"{key.replace('_', ' ')} {value} %"
                    for key, value in found.items()
                    if key.startswith(("test_", "unseen_"))
                ]
                typer.echo(f"{found['network']}: {', '.join(measured)}, {found['seconds'] / 60:.1f} min")


Photographs = Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.")]
Pictures = Annotated[Path, typer.Option(help="Folder for the pictures, results.json and images.json.")]
OwnWeights = Annotated[Path | None, typer.Option(help="Weights (safetensors) of one's own.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]


@app.command()
def detect(
    detector: Annotated[str, typer.Argument(help="faster_rcnn, yolo or ssd.")],
    paths: Photographs,
    out: Pictures,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="The smallest score that counts.")] = 0.5,
    weights: OwnWeights = None,
    device: Device = "cpu",
) -> None:
    """Find things in photographs: pictures with boxes, and COCO's result format."""
    from cnncourse.training.networks import CLASSES, DETECTORS
    from cnncourse.training.predict import detect_files

    _predict(
        detector,
        DETECTORS,
        weights,
        device,
        lambda model: detect_files(model, CLASSES, paths, out, threshold),
    )
    typer.echo(f"Boxes are in {out / 'results.json'}, the images they belong to in {out / 'images.json'}.")


@app.command()
def segment(
    network: Annotated[str, typer.Argument(help="fcn32s, fcn16s or fcn8s.")],
    paths: Photographs,
    out: Pictures,
    side: Annotated[int, typer.Option(min=32, help="Shorter side that the network sees, in pixels.")] = 96,
    weights: OwnWeights = None,
    device: Device = "cpu",
) -> None:
    """Say for each pixel of photographs what it shows: coloured pictures, and COCO's result format."""
    from cnncourse.training.networks import CLASSES, SKIPS
    from cnncourse.training.predict import segment_files

    _predict(network, SKIPS, weights, device, lambda model: segment_files(model, CLASSES, paths, out, side))
    typer.echo(f"Masks are in {out / 'results.json'}, the images they belong to in {out / 'images.json'}.")


def _predict(name: str, kinds, weights: Path | None, device: str, work) -> None:
    """Load a network, let it look at files, and say which were skipped; ends with 1 if there was nothing to see."""
    from cnncourse.training.predict import trained

    with _in_one_line(ValueError):
        network = trained(name, kinds, weights)
    with _in_one_line():
        outcome = work(network.to(device))
    for file, why in outcome.skipped:
        typer.echo(f"Skipped {file}: {why}.", err=True)
    if not outcome.pictures:
        typer.echo("There was no photograph to look at.", err=True)
        raise typer.Exit(code=1)
    typer.echo("\n".join(map(str, outcome.pictures)))
