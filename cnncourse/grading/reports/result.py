"""What grading one file found."""

from dataclasses import dataclass
from fractions import Fraction

from cnncourse.grading.seam import Problem
from cnncourse.grading.shown import clean
from cnncourse.grading.verdict import Verdict


@dataclass(frozen=True)
class ExerciseResult:
    """The tests of one exercise of one submission."""

    name: str
    verdicts: tuple[Verdict, ...]

    @property
    def points(self) -> Fraction:
        """What the submission got."""
        return sum((v.points for v in self.verdicts if v.passed), Fraction(0))

    @property
    def unwritten(self) -> bool:
        """Whether none of it is written yet."""
        return all(v.unwritten for v in self.verdicts)

    @property
    def full(self) -> Fraction:
        """What there was to get."""
        return sum((v.points for v in self.verdicts), Fraction(0))


@dataclass(frozen=True)
class Result:
    """What grading one file found. ``error`` says why it was not graded; then there are no verdicts."""

    file: str
    who: str
    lab: str = ""
    verdicts: tuple[Verdict, ...] = ()
    problems: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    isolation: str = ""
    device: str = "cpu"
    seed: int = 0
    error: str = ""
    grader_failed: bool = False  # the grader's fault, not the file's

    @property
    def exercises(self) -> list[ExerciseResult]:
        """The exercises in the order of their tests."""
        names = dict.fromkeys(v.exercise for v in self.verdicts)
        return [ExerciseResult(n, tuple(v for v in self.verdicts if v.exercise == n)) for n in names]

    @property
    def points(self) -> Fraction:
        """What the submission got in all."""
        return sum((e.points for e in self.exercises), Fraction(0))

    @property
    def full(self) -> Fraction:
        """What there was to get in all."""
        return sum((e.full for e in self.exercises), Fraction(0))

    @property
    def note(self) -> str:
        """The one thing to say about it in a table: why it was not graded, or what is wrong with the file."""
        if self.error:
            return f"not graded: {self.error}"
        broken = [v.name for v in self.verdicts if v.broken]
        if broken:
            return f"broken tests: {', '.join(broken)}"
        more = f"; {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        return "; ".join(one_line(_problem_line(p), 300) for p in self.problems[:3]) + more


def _problem_line(problem: Problem) -> str:
    place = problem_place(problem)
    return f"{problem_text(problem)} ({place})" if place else problem_text(problem)


def problem_text(problem: Problem) -> str:
    """What is wrong, in a sentence."""
    says = {"syntax": "Syntax error: ", "import": "An import failed: ", "definition": "A definition failed: "}
    return says.get(problem.kind, "") + problem.message


def problem_place(problem: Problem) -> str:
    """Where a problem is and the line itself: "cell 3, line 4: def f(:"."""
    cell = f"cell {problem.cell}, " if problem.cell is not None else ""
    line = f"line {problem.line}" if problem.line is not None else ""
    source = f": {problem.source.strip()}" if problem.source else ""
    return clean(f"{cell}{line}".removesuffix(", ") + source) if cell or line else ""


def one_line(text: str, longest: int = 2000) -> str:
    return " ".join(clean(text, longest).split())
