"""Graded tests, run on small submissions: what counts, what is shown, and that it is the same each time."""

import os
import sys
from fractions import Fraction

import hypothesis
import pytest

from cnncourse.grading import proxy
from cnncourse.grading.examples import profile
from cnncourse.grading.failures import BrokenTests
from cnncourse.grading.reports.show import verdict_text

DOUBLE = """
@exercise("double", points=2)
class TestDouble:
    def test_example(self, submission):
        "Twice 4 is 8."
        assert_equal(submission.call("double", 4, returns=number()), 8)
    @hint("Add it to itself.")
    @given(x=st.integers(-1000, 1000))
    def test_any(self, submission, x):
        "Twice any number."
        assert_equal(submission.call("double", x, returns=number()), 2 * x)
    def test_text(self, submission):
        "Text raises TypeError."
        with submission.raises(TypeError):
            submission.call("double", "4")
"""
RIGHT = """
def double(x):
    if isinstance(x, str):
        raise TypeError("text")
    return x + x
"""


def failed(verdicts):
    return sorted(name for name, verdict in verdicts.items() if not verdict.passed)


def test_the_tests_of_an_exercise_share_its_points_in_exact_thirds(verdicts):
    found = verdicts(RIGHT, DOUBLE)
    assert [v.points for v in found.values()] == [Fraction(2, 3)] * 3
    assert sum(v.points for v in found.values() if v.passed) == 2


def test_a_mistake_costs_the_tests_that_find_it_and_no_other(verdicts):
    assert failed(verdicts(RIGHT.replace("x + x", "abs(x) * 2"), DOUBLE)) == ["test_any"]


def test_an_untouched_stub_gets_nothing_also_where_an_error_is_expected(verdicts):
    for error in ("NotImplementedError", "NotImplementedError('TypeError')"):
        found = verdicts(f"def double(x): raise {error}", DOUBLE)
        assert failed(found) == ["test_any", "test_example", "test_text"]
        assert all(v.unwritten and v.message == "`double` is not written yet" for v in found.values())


def test_a_stub_whose_error_is_swallowed_by_a_test_still_fails(verdicts):
    tests = """
    @exercise("f", points=1)
    class TestF:
        def test_f(self, submission):
            "Fails."
            try:
                submission.call("f")
            except Exception:
                pass
    """
    assert failed(verdicts("def f(): raise NotImplementedError", tests)) == ["test_f"]
    assert failed(verdicts("def f(): raise ValueError", tests)) == []


def test_what_torch_cannot_do_is_an_error_and_no_unwritten_exercise(verdicts):
    tests = """
    import torch
    @exercise("f", points=1)
    class TestF:
        def test_f(self, submission):
            "Fails."
            submission.call("f", torch.ones(2), returns=array("torch"))
        def test_error(self, submission):
            "Passes for no expected error."
            with submission.raises(NotImplementedError):
                submission.call("f", torch.ones(2))
    """
    found = verdicts("def f(x):\n    return x ^ 2", tests)
    assert failed(found) == ["test_error", "test_f"]
    assert not any(v.unwritten for v in found.values())
    assert "`f` raised NotImplementedError: " in found["test_f"].message
    assert "line 2: return x ^ 2" in found["test_f"].place


def test_the_smallest_failing_input_is_shown_with_expected_and_got(verdicts):
    verdict = verdicts(RIGHT.replace("x + x", "x + x if x < 17 else 0"), DOUBLE)["test_any"]
    assert verdict.smallest
    assert [(name, value.text) for name, value in verdict.calls[-1].arguments] == [("argument 1", "17")]
    assert (verdict.expected.text, verdict.got.text) == ("34", "0")
    assert verdict.hint == "Add it to itself."


def test_a_hint_below_given_counts_too(verdicts):
    tests = DOUBLE.replace(
        '@hint("Add it to itself.")\n    @given(x=st.integers(-1000, 1000))',
        '@given(x=st.integers(-1000, 1000))\n    @hint("Below.")',
    )
    assert verdicts("def double(x): return 0", tests)["test_any"].hint == "Below."


def test_the_students_own_line_is_shown_and_none_of_ours(verdicts):
    text = verdict_text(verdicts("def double(x):\n    y = x\n    return y / 0\n", DOUBLE)["test_example"])
    assert "`double` raised ZeroDivisionError" in text
    assert "in cell 1, line 3: return y / 0" in text
    assert "Traceback" not in text and ".py" not in text


LAYER = """
@exercise("Layer", points=3)
class TestLayer:
    @hint("Not zero.")
    def test_one(self, submission):
        "A layer of 1 gives 1."
        assert_equal(submission.create("Layer", 1).call("give", returns=number(int)), 1)
    @hint("Not one.")
    @given(x=st.integers(2, 9))
    def test_more(self, submission, x):
        "A layer of x gives x."
        assert_equal(submission.create("Layer", x).call("give", returns=number(int)), x)
    @hint("Compare.")
    def test_negative(self, submission):
        "A layer of -1 gives 0."
        assert_equal(submission.create("Layer", -1).call("give", returns=number(int)), 0)
"""


def layer(made="self.x = max(x, 0)", given="return self.x"):
    return f"class Layer:\n    def __init__(self, x):\n        {made}\n    def give(self):\n        {given}\n"


def test_an_error_of_the_constructor_is_told_once_and_without_hints_for_other_mistakes(verdicts):
    found = (
        list(verdicts(layer(made="self.x = y"), LAYER).values()),
        list(verdicts(layer(made="self.x = x / 0"), LAYER).values()),
    )
    for first, *others in found:
        assert "cell 1, line 3" in first.place and not first.hint
        for v in others:
            assert v.message == "The same as above."
            assert not (v.passed or v.hint or v.place or v.calls)
    assert found[1][0].message == "`Layer` raised ZeroDivisionError: division by zero"
    assert found[1][0].calls[0].text == "Layer"


def test_a_constructor_that_fails_in_one_test_of_three_keeps_its_hint(verdicts):
    found = verdicts(layer(made="self.x = x ** 0.5 + 1 // (x + 1)"), LAYER)
    assert found["test_negative"].message.startswith("`Layer` raised ZeroDivisionError")
    assert found["test_negative"].hint == "Compare."


def test_an_error_in_most_tests_keeps_the_first_hint_only(verdicts):
    found = verdicts(layer(given="return [0][self.x]"), LAYER)
    assert (found["test_one"].hint, found["test_more"].hint) == ("Not zero.", "")
    assert found["test_more"].message == "The same as above."
    assert found["test_negative"].passed


def test_a_wrong_kind_of_result_in_most_tests_needs_no_hint(verdicts):
    nothing = verdicts(layer(given="self.x"), LAYER)
    assert [v.message for v in nothing.values()][1:] == ["The same as above."] * 2
    broken = verdicts(layer(given="return self.x / 2"), LAYER)
    assert broken["test_more"].message.startswith("As above: `Layer.give` returned the number 1.0, expected")
    assert not any(v.hint for v in (*nothing.values(), *broken.values()))


def test_a_changed_input_in_most_tests_needs_no_hint(verdicts):
    tests = """
    @exercise("f", points=1)
    class TestF:
        @hint("Add.")
        def test_f(self, submission):
            "One more."
            assert_equal(submission.call("f", np.zeros(2), returns=array()), np.ones(2))
        @hint("Add again.")
        def test_g(self, submission):
            "One more."
            assert_equal(submission.call("f", np.ones(3), returns=array()), np.ones(3) + 1)
    """
    found = verdicts("def f(x):\n    x += 1\n    return x", tests)
    assert [v.hint for v in found.values()] == ["", ""]
    assert found["test_g"].message == "The same as above."


def test_a_call_that_hangs_in_every_test_is_told_once(verdicts, monkeypatch):
    monkeypatch.setattr(proxy, "CALL_SECONDS", 0.3)
    first, *others = verdicts(layer(given="while True: pass"), LAYER).values()
    assert "did not come back" in first.message
    assert first.calls and not first.hint
    assert all(v.message == "The same as above." and not v.calls for v in others)


def test_different_mistakes_are_told_apart(verdicts):
    found = verdicts(layer(given="return 7"), LAYER)
    assert [v.hint for v in found.values()] == ["Not zero.", "Not one.", "Compare."]
    assert all(v.calls for v in found.values())


def test_two_answers_for_one_input_are_reported_as_just_that(verdicts):
    flaky = """
    calls = [0]
    def double(x):
        calls[0] += 1
        return x * 2 + (calls[0] == 5)
    """
    verdict = verdicts(flaky, DOUBLE)["test_any"]
    assert not verdict.passed
    assert verdict.message.startswith("`double` gave two different answers for the same input")


def test_a_call_that_hangs_ends_its_test_unshrunk_with_its_arguments_and_costs_no_other(
    verdicts, monkeypatch
):
    monkeypatch.setattr("cnncourse.grading.proxy.CALL_SECONDS", 0.3)
    hangs = """
    def double(x):
        while not isinstance(x, str) and abs(x) > 100:
            pass
        if isinstance(x, str):
            raise TypeError
        return x + x
    """
    found = verdicts(hangs, DOUBLE)
    assert failed(found) == ["test_any"]
    verdict = found["test_any"]
    assert "did not come back" in verdict.message
    assert abs(int(verdict.calls[-1].arguments[0][1].text)) > 100
    assert not verdict.smallest


@pytest.mark.filterwarnings("ignore:w")
def test_printing_and_warning_judge_nothing(verdicts, capsys):
    loud = (
        "import warnings\ndef double(x):\n    print('passed' * 10**6)\n    warnings.warn('w')\n    return 0\n"
    )
    assert failed(verdicts(loud, DOUBLE)) == ["test_any", "test_example", "test_text"]
    assert capsys.readouterr() == ("", "")


def test_the_search_for_a_smaller_input_ends(verdicts, monkeypatch):
    monkeypatch.setattr("cnncourse.grading.examples.SEARCHES", 20)
    tests = """
    @exercise("f", points=1)
    class TestF:
        @given(st.lists(st.lists(st.integers(0, 10**9), min_size=6), min_size=6))
        def test_f(self, submission, rows):
            "Sums."
            calls = submission.call("f", rows, returns=number())
            assert_equal(calls if sum(map(sum, rows)) > 10**9 else -1, -1)
    """
    count = "calls = []\ndef f(rows):\n    calls.append(1)\n    return len(calls)\n"
    verdict = verdicts(count, tests)["test_f"]
    assert not verdict.passed
    assert int(verdict.got.text) <= 10 + 20


def test_a_test_that_asks_nothing_is_broken_not_passed(verdicts):
    tests = '@exercise("f", points=1)\nclass TestF:\n    def test_f(self, submission):\n        "x"\n'
    verdict = verdicts("f = 1", tests)["test_f"]
    assert (verdict.passed, verdict.broken) == (False, True)


def test_an_error_in_a_test_is_its_authors_not_the_students(verdicts):
    tests = """
    @exercise("f", points=1)
    class TestF:
        def test_f(self, submission):
            "x"
            submission.call("f", returns=number()) / 0
    """
    verdict = verdicts("def f(): return 1", tests)["test_f"]
    assert verdict.broken
    assert "the test itself failed with ZeroDivisionError" in verdict.message


def test_a_plain_assert_shows_its_line(verdicts):
    tests = """
    @exercise("f", points=1)
    class TestF:
        def test_f(self, submission):
            "x"
            assert submission.call("f", returns=number()) > 5
    """
    verdict = verdicts("def f(): return 1", tests)["test_f"]
    assert verdict.message == 'this should hold: assert submission.call("f", returns=number()) > 5'
    assert not verdict.broken


@pytest.mark.parametrize(
    "tests", ["import not_there", "class TestF:\n    def test_f(self, submission): pass", "x = 1"]
)
def test_a_module_that_cannot_be_used_is_an_error_not_a_mark(verdicts, tests):
    with pytest.raises(BrokenTests, match=r"07_small"):
        verdicts("", tests)


def test_only_one_exercise_is_run_when_only_one_is_asked_for(verdicts):
    tests = DOUBLE + DOUBLE.replace('"double"', '"half"').replace("TestDouble", "TestHalf")
    found = verdicts(RIGHT, tests, only="double")
    assert {v.exercise for v in found.values()} == {"double"}


RANDOM = """
@exercise("f", points=1)
class TestF:
    @given(st.lists(st.integers(), min_size=2), st.floats(), st.integers())
    def test_f(self, submission, a, b, c):
        "x"
        submission.call("f", repr((a, b, c)))
    def test_then(self, submission):
        "x"
        submission.call("f", "tell")
"""
COLLECT = """
import hashlib
seen = []
def f(x):
    if x == "tell":
        raise ValueError(hashlib.sha256(repr(seen).encode()).hexdigest())
    seen.append(x)
"""


def test_the_same_seed_draws_the_same_inputs_and_another_seed_others(verdicts):
    first, again, other = (verdicts(COLLECT, RANDOM, seed=seed)["test_then"].message for seed in (0, 0, 1))
    assert first == again != other


def test_inputs_do_not_depend_on_what_else_is_imported(verdicts, tmp_path, monkeypatch):
    first = verdicts(COLLECT, RANDOM)["test_then"].message
    (tmp_path / "constants_of_mine.py").write_text("\n".join(f"a{i} = {7919 * i}" for i in range(1, 200)))
    monkeypatch.syspath_prepend(tmp_path)
    __import__("constants_of_mine")
    assert verdicts(COLLECT, RANDOM)["test_then"].message == first


def test_ten_examples_are_tried_and_as_many_as_a_test_asks_for(verdicts):
    fails_last = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)\n"
    tests = """
    COUNTS = []

    @exercise("f", points=1)
    class TestF:
        @given(st.integers())
        def test_f(self, submission, x):
            "x"
            COUNTS.append(submission.call("f", x, returns=number()))
        @given(st.integers())
        @settings(max_examples=25)
        def test_more(self, submission, x):
            "x"
            COUNTS.append(submission.call("f", x, returns=number()))
        def test_then(self, submission):
            "x"
            assert_equal(submission.call("f", 0, returns=number()), 36)
    """
    assert failed(verdicts(fails_last, tests)) == []


def test_nothing_is_left_behind(verdicts, tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    before = hypothesis.settings.default, dict(os.environ), list(sys.path), list(sys.meta_path)
    verdicts(RIGHT, DOUBLE + RANDOM)
    assert (hypothesis.settings.default, dict(os.environ), list(sys.path), list(sys.meta_path)) == before
    assert os.listdir() == []
    assert not [name for name in sys.modules if "test_07_small" in name]


def test_the_profile_leaves_hypothesis_as_it_was():
    name = hypothesis.settings.get_current_profile_name()
    with profile():
        assert hypothesis.settings.default.max_examples == 10
        assert hypothesis.settings.default.database is None
    assert hypothesis.settings.get_current_profile_name() == name
