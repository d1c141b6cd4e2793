"""Points, and finding the graded tests."""

from fractions import Fraction

import pytest

from cnncourse.grading.exercise import exercise, find_labs, labs_folder, points_text, read_lab


def test_an_exercise_is_marked_with_its_name_and_exact_points():
    @exercise("vote", points=3)
    class Tests:
        pass

    assert Tests.exercise.name == "vote"
    assert Tests.exercise.points == Fraction(3)


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (0, "0"),
        (4, "4"),
        (Fraction(8, 3), "2⅔"),
        (Fraction(1, 2), "½"),
        (Fraction(6, 7), "0.86"),
        (Fraction(13, 7), "1.86"),
    ],
)
def test_points_read_as_people_write_them(points, text):
    assert points_text(points) == text


def test_the_labs_of_a_working_copy_are_found_with_their_exercises():
    lab = find_labs()["01_nearest_neighbours"]
    assert lab.path == labs_folder() / "test_01_nearest_neighbours.py"
    assert lab.sources == ("cnncourse.neighbors",)
    assert {"l1_distances", "NearestNeighbor"} <= set(lab.exercises)


def test_reading_a_lab_does_not_run_it(tmp_path):
    path = tmp_path / "test_x.py"
    path.write_text(
        'LAB = "x"\nSOURCE = "y"\nraise SystemExit\n@exercise("f", points=1)\nclass TestF: pass\n'
    )
    lab = read_lab(path)
    assert (lab.name, lab.sources, lab.exercises) == ("x", ("y",), ("f",))


def test_a_lab_may_have_answers_in_several_modules(tmp_path):
    path = tmp_path / "test_x.py"
    path.write_text('LAB, SOURCE = "x", ("y", "z.zz")\n')
    assert read_lab(path).sources == ("y", "z.zz")


def test_test_files_about_no_lab_are_left_out(tmp_path):
    (tmp_path / "test_helper.py").write_text("A = 1\n")
    assert find_labs(tmp_path) == {}
