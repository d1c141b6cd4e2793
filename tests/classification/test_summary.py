"""The table that ``cnncourse summary`` prints."""

import pytest
from typer.testing import CliRunner

from cnncourse.classification.summary import short, summary_rows
from cnncourse.cli import app


def run(*arguments) -> str:
    result = CliRunner().invoke(app, ["summary", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_resnet50_is_a_table_of_its_layers_with_totals():
    lines = run("resnet50").splitlines()
    first = next(line for line in lines if line.startswith("conv1"))
    assert first.split() == [
        "conv1",
        "conv",
        "7×7,",
        "64,",
        "/2",
        "112×112×64",
        "9,536",
        "118,013,952",
        "7",
        "2",
    ]
    assert sum("conv" in line.split()[0] for line in lines if line.strip()) == 49
    last = [line for line in lines if line.startswith("total")]
    assert last[0].split() == ["total", "25,557,032", "3,857,973,248"]


def test_variant_input_size_and_width_are_options():
    assert "4,089,184,256" in run("resnet50", "--variant", "torchvision")
    assert "image 64×64×3" in run("resnet18", "--input-size", "64")
    assert "conv 3×3, 8 " in run("cifar_resnet20", "--width", "0.5")


def test_auxiliary_heads_are_no_part_of_the_network_that_answers():
    assert "6,998,552" in run("googlenet")


@pytest.mark.parametrize("arguments", ["resnet51", "vgg16 --variant caffe", "alexnet --input-size 16"])
def test_what_does_not_exist_is_told_without_a_traceback(arguments):
    result = CliRunner().invoke(app, ["summary", *arguments.split()])
    assert result.exit_code == 2 and not result.output.count("Traceback")
    assert any(word in result.output for word in ("resnet50", "variant", "too small"))


def test_totals_of_the_rows_miss_nothing():
    from cnncourse.classification import NETWORKS, resnet
    from cnncourse.classification.profile import profile, total

    for model in (NETWORKS["googlenet"](width=0.1), resnet(18, width=0.1)):
        assert total(summary_rows(model)) == total(profile(model))


def test_short_numbers_have_three_digits():
    numbers = (999, 1_000, 60_965_224, 6_998_552, 138_357_544, 15_470_264_320)
    assert [short(number) for number in numbers] == ["999", "1.00 k", "61.0 M", "7.00 M", "138 M", "15.5 G"]
