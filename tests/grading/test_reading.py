"""Files as cells of text."""

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.reading import MAX_FILE, read
from cnncourse.grading.seam import Cell


def notebook(*sources, **metadata):
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    markdown = {"cell_type": "markdown", "source": ["# Title\n"], "metadata": {}}
    return json.dumps({"cells": [markdown, *cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_code_cells_are_counted_and_markdown_is_not(tmp_path):
    got = read(write(tmp_path / "a.ipynb", notebook("x = 1", ["y = 2\n", "z = 3"])))
    assert got.cells == (Cell(1, "x = 1"), Cell(2, "y = 2\nz = 3"))
    assert got.problem is None


def test_a_python_file_keeps_its_line_numbers_in_every_section(tmp_path):
    got = read(write(tmp_path / "a.py", "x = 1\n# %% second\ny = 2\n"))
    assert [cell.number for cell in got.cells] == [None, None]
    assert got.cells[1].text == "\n# %% second\ny = 2\n"


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({}, "a"),
        ({"authors": [{"name": "Ada  Lovelace"}]}, "Ada Lovelace"),
        ({"student": "Grace Hopper", "cnncourse": {"lab": "01"}}, "Grace Hopper"),
        ({"student": 3}, "a"),
        ({"cnncourse": {"student": "Alan\nTuring\x1b[31m"}}, "Alan Turing[31m"),
        ({"cnncourse": {"student": "x" * 1000}}, "x" * 100),
        ({"cnncourse": {"student": ["no", "text"]}}, "a"),
        ({"cnncourse": 3, "authors": [3]}, "a"),
        ({"authors": {"name": "x"}}, "a"),
        ({"cnncourse": {"student": "  "}}, "a"),
    ],
)
def test_who_it_is_comes_from_the_metadata_or_the_file_name(tmp_path, metadata, who):
    assert read(write(tmp_path / "a.ipynb", notebook("x = 1", **metadata))).who == who


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello", "no JSON .line 1"),
        ("", "no JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8 .byte 0"),
        ("[1, 2]", "no cells"),
        ('{"cells": 3}', "no cells"),
        ('{"worksheets": []}', "old format"),
        ("[" * 200_000, "nothing that Jupyter writes"),
        ('{"cells": ' + "9" * 10_000 + "}", "nothing that Jupyter writes"),
        (b" " * (MAX_FILE + 1), "larger than 16 MB"),
        (b"PK\x03\x04\xff", "not text"),
    ],
)
def test_a_file_that_is_no_notebook_says_what_is_wrong_with_it(tmp_path, content, message):
    got = read(write(tmp_path / "a.ipynb", content))
    assert got.cells == ()
    assert got.problem.kind == "file"
    assert __import__("re").search(message, got.problem.message)


def test_what_is_no_file_says_so_at_once(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "dangling.ipynb").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.ipynb"))
        for name, message in {
            "folder": "folder",
            "pipe": "pipe",
            "dangling": "symbolic link",
            "missing": "No such file",
            "socket": "cannot be read",
        }.items():
            assert message in read(tmp_path / f"{name}.ipynb").problem.message
    assert "device" in read("/dev/zero").problem.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["cells", "cell_type", "source", "metadata", "authors"]) | st.text(), inner
            )
        ),
    )
)
def test_any_json_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    for content in (value, {"cells": [value, {"cell_type": "code", "source": value}], "metadata": value}):
        got = read(write(path, json.dumps(content)))
        assert all(type(cell.text) is str for cell in got.cells)
        assert type(got.who) is str


def test_reading_runs_and_parses_no_python(tmp_path, monkeypatch):
    monkeypatch.setattr("ast.parse", None)
    monkeypatch.setattr("cnncourse.grading.reading.compile", None, raising=False)
    assert read(write(tmp_path / "a.py", "raise SystemExit")).cells
