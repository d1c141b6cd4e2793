"""How nbval's comparison reads numbers: solutions/conftest.py, on numbers, words and tables."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]


def load():
    spec = importlib.util.spec_from_file_location("solutions_conftest", ROOT / "solutions" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Printed = load().Printed

TABLE = """plain    told apart   0: 1.0   8: 0.3
residual told apart   0: 1.0   8: 0.9
"""


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("0.1358", "0.1359"),
        ("0.1358", "0.1357"),
        ("-0.00", "0.00"),
        ("-0.01 and", " 0.00 and"),
        ("variance 0.0378 along red -0.66", "variance 0.0379 along red -0.67"),
        ("93% of 500", "92% of 500"),
        ("59 % of it", "60 % of it"),
        ("1.2e-05", "1.3e-05"),
        ("9.9e-06", "1.0e-05"),
        ("1,234.5 ms", "1,234.4 ms"),
        ("[0.99, 1.00]", "[1.00, 0.99]"),
        ("0.9", "1.0"),
        (TABLE, TABLE.replace("0.3", "0.4")),
    ],
)
def test_a_last_digit_may_differ_by_one(stored, printed):
    assert Printed(stored) == printed
    assert not Printed(stored) != printed
    assert Printed(printed) == stored


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("0.1358", "0.1360"),  # two units
        ("0.1358", "0.136"),  # written in another way
        ("93% of 500", "91% of 500"),
        ("93% of 500", "93% of 501"),  # a count
        ("93%", "93"),
        ("23 of 100 right", "24 of 100 right"),
        ("(5, 3)", "(5, 4)"),
        ("400", "401"),
        ("uint8", "uint9"),  # words
        ("features.13", "features.14"),
        ("conv 3x3", "conv 3x4"),
        ("Python 3.11.7", "Python 3.11.8"),
        ("True", "False"),
        ("nan", "0.1"),
        ("loss 2.1", "loss 2.1 nan"),
        ("2.1 2.1", "2.1"),
        ("a 0.1", "b 0.1"),
        ("0.1\n0.2", "0.1 0.2"),
        ("-0.1", "0.1"),
        (TABLE, TABLE.replace("8: 0.3", "4: 0.3")),
        (TABLE, TABLE.replace("residual", "Residual")),
    ],
)
def test_everything_else_is_exact(stored, printed):
    assert Printed(stored) != printed
    assert not Printed(stored) == printed


@pytest.mark.parametrize(("printed", "outcome"), [("0.1359", "passed"), ("0.1360", "failed")])
def test_nbval_compares_so(pytester_nbval, printed, outcome):
    assert pytester_nbval("0.1358", f"print({printed!r})") == outcome


@pytest.fixture
def pytester_nbval(tmp_path):
    """Runs one cell with nbval beside the real conftest: ``(stored output, code)`` gives passed or failed."""
    import subprocess
    import sys

    def run(stored: str, code: str) -> str:
        (tmp_path / "conftest.py").write_text((ROOT / "solutions" / "conftest.py").read_text())
        output = nbformat.v4.new_output("stream", name="stdout", text=stored + "\n")
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(code, outputs=[output], execution_count=1)]
        )
        nbformat.write(notebook, tmp_path / "one.ipynb")
        command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "one.ipynb"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert " in " in done.stdout, done.stdout + done.stderr
        return {0: "passed", 1: "failed"}[done.returncode]

    return run
