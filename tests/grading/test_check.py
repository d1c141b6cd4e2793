"""check() in a notebook: a plain dictionary of globals stands in for the kernel, and one test uses a real one."""

import asyncio
import json
import random
import re

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

RIGHT = """
import numpy as np
def as_rows(images):
    images = images.reshape(len(images), -1)
    if type(images) is np.ndarray:
        return images.astype(np.int64) if images.dtype.kind in "biu" else images
    return images if images.is_floating_point() else images.long()
"""


@pytest.fixture
def notebook():
    """Runs code as cells of one notebook do: ``notebook(code)`` gives the value of its last line."""
    namespace = {"__name__": "__main__"}
    exec("from cnncourse.grading import check", namespace)

    def run(code: str, last: str = 'check("as_rows")'):
        exec(code, namespace)
        return eval(last, namespace)

    return run


def test_a_right_answer_passes_with_a_line_for_each_test(notebook):
    text = repr(notebook(RIGHT))
    assert text.startswith("`as_rows` passes all ")
    assert text.count("✓") >= 5 and "✗" not in text


def test_a_mistake_is_shown_with_its_hint_input_and_nothing_of_ours(notebook):
    text = repr(notebook("def as_rows(images):\n    return images.reshape(len(images), -1)\n"))
    assert "`as_rows` returned an array of uint8, expected int64" in text
    assert "Hint: " in text and "as_rows(images)" in text
    assert not re.search(r"Traceback|\.py|0x[0-9a-f]{6}|/home|/tmp|seconds", text)


def test_an_exception_shows_the_students_own_line(notebook):
    text = repr(notebook("def as_rows(images):\n    rows = 1\n    return rows / 0\n"))
    assert "`as_rows` raised ZeroDivisionError: division by zero" in text
    assert "in line 3" in text


def test_text_and_page_are_the_same_each_time(notebook):
    wrong = RIGHT.replace("images.long()", "images.int()")
    first, again = notebook(wrong), notebook(wrong)
    assert repr(first) == repr(again)
    assert first._repr_html_() == again._repr_html_()


def test_a_redefinition_is_picked_up(notebook):
    assert "✗" in repr(notebook("def as_rows(images): return images"))
    assert "✗" not in repr(notebook(RIGHT))


def test_what_is_not_written_or_not_there_is_said_in_one_line(notebook):
    assert repr(notebook("")).startswith("There is no `as_rows` here yet")
    stub = repr(notebook("def as_rows(images):\n    raise NotImplementedError"))
    assert stub.startswith("`as_rows` is not written yet") and "\n" not in stub


def test_an_unknown_name_gets_the_nearest_suggested(notebook):
    with pytest.raises(ValueError, match=r"There is no exercise 'asrows'\. Did you mean 'as_rows'\?"):
        notebook("", 'check("asrows")')
    with pytest.raises(ValueError, match="There is no lab '99'; there are 01_nearest_neighbours"):
        notebook("", 'check("as_rows", lab="99")')


def test_nothing_is_left_in_the_kernel(notebook, capsys):
    code = (
        "import random, warnings\ndef as_rows(images):\n    print('x'); warnings.warn('y'); random.random()\n"
    )
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    notebook(code)
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
    assert capsys.readouterr() == ("", "")


def test_an_endless_loop_is_stopped_and_not_waited_for_again(notebook, monkeypatch):
    monkeypatch.setattr("cnncourse.grading.proxy.CALL_SECONDS", 0.3)
    text = repr(notebook("def as_rows(images):\n    while True:\n        pass\n"))
    assert "it did not come back within" in text
    assert "not tried, because a call before did not come back" in text


def test_stopping_the_kernel_stops_the_check(notebook):
    with pytest.raises(KeyboardInterrupt):
        notebook("def as_rows(images):\n    raise KeyboardInterrupt\n")


def test_it_works_inside_a_running_event_loop(notebook):
    async def cell():
        return notebook(RIGHT)

    assert "✗" not in repr(asyncio.run(cell()))


def test_the_page_is_html_with_the_input_that_failed(notebook):
    page = notebook("def as_rows(images):\n    return images.reshape(len(images), -1)\n")._repr_html_()
    assert "<code>as_rows</code> returned an array of uint8, expected int64" in page
    assert "The call that failed: <code>as_rows(images)</code>" in page


def test_a_real_kernel_shows_page_and_text():
    cells = [
        "from cnncourse.grading import check",
        RIGHT,
        'check("as_rows")',
        "from cnncourse.grading import check\ncheck('as_rows')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60).execute()
    for cell in book.cells[2:]:
        [output] = cell.outputs
        assert output["data"]["text/plain"].startswith("`as_rows` passes all")
        assert "text/html" in output["data"]
    assert json.dumps(book.cells[2].outputs[0]["data"]) == json.dumps(book.cells[3].outputs[0]["data"])
