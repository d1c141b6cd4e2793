"""What every chapter of the book needs: numbers for its text, tables, measured results, and words for differences.

A `spread` is what `cnncourse.experiments.statistics.spread` makes of several runs, ``{"mean", "std", "n"}``; a
`difference` is the spread of differences paired by seed, with the number of those that are ``"positive"``. All of them
are read from a measured result. Every word here follows from the numbers of all seeds.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence

from IPython.display import Code, Markdown

from cnncourse import files

Spread = Mapping[str, float]


# ------------------------------------------------------------------------------------------- into the page
def say(**values: object) -> None:
    """Makes values available to the chapter's text, under their names."""
    from myst_nb import glue

    for name, value in values.items():
        glue(name, value, display=False)


def result(name: str) -> dict:
    """A measured result, as ``cnncourse reproduce NAME`` wrote it.

    Its name has to stand in the chapter in full: that is how a build knows that the chapter shows this result.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    file = files.root() / "book" / "results" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def table(header: Sequence[object], rows: Sequence[Sequence[object]], words: int = 1) -> Markdown:
    """A Markdown table.

    Args:
        header: what stands over each column.
        rows: one cell for each column.
        words: so many first columns are words, which may wrap; those after them are numbers, on the right.

    Raises:
        ValueError: a row has more or fewer cells than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under a header of {len(header)}: {list(row)}")
    lines = [header, ["---"] * words + ["---:"] * (len(header) - words), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def without_docstrings(thing) -> Code:
    """The source of a class or function, for reading beside an explanation."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return Code(ast.unparse(tree), language="python")


# ------------------------------------------------------------------------------------------ numbers in words
def plus_minus(spread: Spread, digits: int = 1, sign: bool = False) -> str:
    """Mean ± standard deviation.

    Args:
        spread: of several runs.
        digits: after the point.
        sign: a plus before a mean that is not negative.
    """
    mean = f"{spread['mean']:{'+' if sign else ''}.{digits}f}".replace("-", "−")
    return f"{mean} ± {spread['std']:.{digits}f}"


def verdict(difference: Spread, unit: str = "points") -> str:
    """A difference paired by seed, in words: its mean, its spread, and in how many pairs it was above zero."""
    signed = plus_minus(difference, sign=difference["mean"] > 0)
    return f"{signed} {unit}, above zero in {difference['positive']} of {difference['n']}"


def holds(difference: Spread) -> str:
    """Whether all seeds agree on the sign of a difference, in words."""
    if difference["positive"] == difference["n"]:
        return "every seed agrees"
    if difference["positive"] == 0:
        return "in no seed does it help"
    return "the seeds disagree: no difference beyond chance"


def stands_out(difference: Spread) -> bool:
    """Whether a mean difference stands out from chance: by a two-sided t-test over all seeds, at the level of 5 %.

    A difference that was measured once never does.
    """
    from scipy import stats

    if difference["n"] < 2:
        return False
    bound = stats.t.ppf(0.975, difference["n"] - 1) * difference["std"] / difference["n"] ** 0.5
    return abs(difference["mean"]) > bound
