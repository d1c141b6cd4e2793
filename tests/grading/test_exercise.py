"""Points, and finding the graded tests."""

from fractions import Fraction

import pytest

from cnncourse.grading.exercise import exercise, points_text


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
