"""What depends on what, on small packages written here and on the course itself."""

import subprocess
import sys

import pytest

from cnncourse import files, imports

SOURCES = {
    "__init__.py": "",
    "answer.py": "def answer():\n    'Says it.'\n    return 42  # the answer\n",
    "plain.py": "from cnncourse.answer import answer\n",
    "relative.py": "from . import answer\n",
    "deep/__init__.py": "",
    "deep/relative.py": "from ..answer import answer\n",
    "deep/inside.py": "def f():\n    import cnncourse.deep.relative\n",
    "deep/typing.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cnncourse import plain\n",
    "apart.py": "import json\nfrom cnncourse import deep\n",
    "grading/labs/test.py": "from cnncourse.answer import answer\n",
}


@pytest.fixture
def small(tmp_path):
    for name, text in SOURCES.items():
        path = tmp_path / "cnncourse" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def short(names):
    return sorted(name.removeprefix("cnncourse").removeprefix(".") for name in names)


def test_imports_of_every_kind_lead_from_an_answer_to_who_depends_on_it(small):
    found = short(imports.dependants(["cnncourse.answer"], small))
    assert found == ["answer", "deep.inside", "deep.relative", "deep.typing", "plain", "relative"]


def test_what_lies_below_a_package_depends_on_it_and_who_imports_the_package_alone_does_not_on_its_modules(
    small,
):
    assert short(imports.dependants(["cnncourse.deep"], small)) == [
        "apart", "deep", "deep.inside", "deep.relative", "deep.typing",
    ]  # fmt: skip
    assert short(imports.closure(["cnncourse.apart"], small)) == ["apart", "deep"]
    assert short(imports.closure(["cnncourse.deep.inside"], small)) == [
        "answer",
        "deep.inside",
        "deep.relative",
    ]


def test_code_outside_the_package_imports_modules_of_it(small):
    code = "import cnncourse.answer\nfrom cnncourse.deep import inside, nothing\nimport numpy\n"
    assert short(imports.imported_by(code, small)) == ["answer", "deep", "deep.inside"]


def test_a_circle_is_named(small):
    assert imports.circles(small) == []
    (small / "cnncourse" / "answer.py").write_text("def f():\n    from .plain import answer\n")
    assert [short(circle) for circle in imports.circles(small)] == [["answer", "plain"]]


@pytest.mark.parametrize(
    ("new", "same"),
    [
        ("def answer():\n    'Says it.'\n    return 42\n", True),
        ("# first\n\n\ndef answer():\n    'Says another thing.'\n\n    return 42  # the answer\n", True),
        ("def answer(\n):\n    return 42\n", True),
        ("def answer():\n    return 43\n", False),
        ("def answer():\n    return f'{42}'\n", False),
        ("def answer():\n    if 42:\n        return 42\n", False),
        ("def answer():\n    return '# 42'\n", False),
    ],
)
def test_behaviour_is_what_changes_a_fingerprint(small, new, same):
    before = imports.fingerprint(["cnncourse.deep.inside"], small)
    (small / "cnncourse" / "answer.py").write_text(new)
    assert (imports.fingerprint(["cnncourse.deep.inside"], small) == before) is same


def test_docstrings_count_where_they_are_shown(small):
    before = imports.fingerprint(["cnncourse.answer"], small, docstrings=True)
    (small / "cnncourse" / "answer.py").write_text(SOURCES["answer.py"].replace("Says it", "Tells it"))
    assert imports.fingerprint(["cnncourse.answer"], small, docstrings=True) != before


def test_what_is_apart_changes_no_fingerprint(small):
    before = imports.fingerprint(["cnncourse.apart"], small)
    (small / "cnncourse" / "answer.py").write_text("")
    assert imports.fingerprint(["cnncourse.apart"], small) == before


@pytest.mark.parametrize(("one", "other"), [("f'{x:{y}}' + '''a\nb'''", "f'{x:{z}}' + '''a\nb'''")])
def test_text_within_an_f_string_counts(one, other):
    assert imports.behaviour(f"a = {one}\n") != imports.behaviour(f"a = {other}\n")
    assert one.split(" + ")[0] in imports.behaviour(f"a = {one}\n")


def test_indentation_counts():
    assert imports.behaviour("if a:\n    b\nc\n") != imports.behaviour("if a:\n    b\n    c\n")
    assert imports.behaviour("if a:\n    b\n") == imports.behaviour("if a:\n  b\n")


def test_the_course_imports_what_its_sources_say():
    """Python itself as the judge: what a fresh interpreter has imported is in the closure, or an `__init__`."""
    code = "import sys, cnncourse.visualize.curves as m; print(*[n for n in sys.modules if n.startswith('cnncourse')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages = {name for name, path in imports.modules().items() if path.name == "__init__.py"}
    begun = imports.closure(["cnncourse.visualize.curves", *(packages & set(done.stdout.split()))])
    assert set(done.stdout.split()) <= begun


def test_the_package_is_where_it_says():
    assert (
        files.root() / "cnncourse" / "files.py"
    ).is_file() and files.package() == files.root() / "cnncourse"
