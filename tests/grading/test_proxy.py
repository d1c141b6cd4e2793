"""The submission as tests see it, over a backend that plays back replies."""

from types import SimpleNamespace

import numpy as np
import pytest

from cnncourse.grading import array, number
from cnncourse.grading.compare import Failure
from cnncourse.grading.proxy import OutOfTime, Submission, SubmissionError
from cnncourse.grading.seam import Died, Ref, RemoteError, Reply


class Playback:
    """Answers requests in turn, from a list of replies; an exception in it is raised."""

    def __init__(self, *replies):
        self.replies, self.requests, self.restarts = list(replies), [], 0

    def request(self, op, *, seconds=5.0, **payload):
        if op == "seed":
            self.requests.append((op, payload))
            return Reply()
        self.requests.append((op, payload | {"seconds": seconds}))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def restart(self):
        self.restarts += 1


def error(*bases, line=1):
    return Reply(error=RemoteError(bases[0], bases, "message", 2, line, "source"))


VALUE_ERROR = error("ValueError", "Exception", "BaseException")
REFERENCE = SimpleNamespace(
    distance=lambda a, b: None,
    Model=type("Model", (), {"predict": lambda self, images: None, "forward": lambda self, x: None}),
)


def submission(*replies):
    made = Submission(Playback(*replies), REFERENCE)
    made.start_test(seed=7)
    return made


def test_a_call_gives_the_value_that_its_spec_allows():
    assert submission(Reply(3)).call("distance", 1, 2, returns=number()) == 3
    with pytest.raises(Failure, match=r"`distance` returned the number 3\.5, expected a whole number"):
        submission(Reply(3.5)).call("distance", 1, 2, returns=number(int))


def test_without_a_spec_the_value_is_not_seen():
    assert submission(Reply(3)).call("distance", 1, 2) is None


def test_changed_arguments_are_named_unless_they_may_change():
    with pytest.raises(Failure, match="`distance` changed its input `b`: work on a copy"):
        submission(Reply(3, None, ("1",))).call("distance", 1, 2, returns=number())
    assert (
        submission(Reply(3, None, ("1",))).call("distance", 1, 2, returns=number(), may_change_input=True)
        == 3
    )


def test_what_a_function_made_is_handed_on_as_what_it_is():
    made = submission(Reply(Ref(0, "Generator")), Reply(1))
    made.call("draw", made.create("seeded", 7))
    assert made._backend.requests[-1][1]["args"] == (Ref(0, "Generator"),)


def test_an_exception_is_told_with_its_message():
    with pytest.raises(SubmissionError, match="`distance` raised ValueError: message"):
        submission(VALUE_ERROR).call("distance", 1, 2)


def test_an_expected_exception_passes():
    made = submission(VALUE_ERROR)
    with made.raises(ValueError):
        made.call("distance", 1, 2)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(3), "`distance` did not raise ValueError"),
        (
            error("KeyError", "LookupError", "Exception", "BaseException"),
            "raised KeyError: message, expected ValueError",
        ),
        (
            error("NotImplementedError", "RuntimeError", "Exception", "BaseException"),
            "raised NotImplementedError",
        ),
        (error("ValueError"), "raised ValueError"),  # a call that could not be made
    ],
    ids=["nothing", "another", "not written", "not called"],
)
def test_nothing_else_passes_for_an_expected_exception(reply, message):
    made = submission(reply)
    with pytest.raises(Failure, match=message), made.raises(ValueError):
        made.call("distance", 1, 2)


def test_a_stub_never_raises_what_is_expected_even_where_its_error_would_fit():
    made = submission(error("NotImplementedError", "RuntimeError", "Exception", "BaseException"))
    with pytest.raises(SubmissionError), made.raises(RuntimeError):
        made.call("distance", 1, 2)
    assert made.unwritten is not None


def test_objects_stay_with_the_submission_and_are_called_by_their_number():
    made = submission(Reply(Ref(4, "Model")), Reply(np.array([1])), Reply(5), Reply(2))
    model = made.create("Model", 1)
    assert model.call("predict", np.zeros(2), returns=array()) == [1]
    assert model.get("k", returns=number()) == 5
    made.call("distance", model, [model], returns=number())
    requests = made._backend.requests[1:]
    assert requests[1][1]["handle"] == 4
    assert requests[3][1]["args"] == (Ref(4, "Model"), [Ref(4, "Model")])


def test_the_calls_that_led_to_a_failure_are_shown_with_the_names_of_their_arguments():
    made = submission(Reply(1), Reply(Ref(0, "Model")), Reply(), Reply(), Reply(1))
    made.call("distance", 1, b=2)
    assert [(c.text, c.arguments) for c in made.shown_calls] == [("distance", (("a", 1), ("b", 2)))]
    model = made.create("Model")
    model.call("predict", 5)
    assert [(c.text, c.arguments) for c in made.shown_calls] == [
        ("Model", ()),
        ("Model.predict", (("images", 5),)),
    ]
    model.call(None, 6)
    assert made.shown_calls[-1].arguments == (("x", 6),)
    made.call("unknown", 7)
    assert [(c.text, c.arguments) for c in made.shown_calls] == [("unknown", (("argument 1", 7),))]


def test_after_a_death_the_next_test_gets_a_fresh_worker_with_its_own_seed():
    made = submission(Died("it crashed"), Reply(3))
    with pytest.raises(Died, match="`distance`: it crashed"):
        made.call("distance", 1, 2)
    made.start_test(seed=8)
    assert made._backend.restarts == 1
    assert made._backend.requests[-1] == ("seed", {"seed": 8})
    assert made.call("distance", 1, 2, returns=number()) == 3


def test_a_worker_that_died_between_two_tests_costs_neither():
    class DiesOnce(Playback):
        def request(self, op, **payload):
            if op == "seed" and self.restarts == 0:
                raise Died("killed")
            return super().request(op, **payload)

    made = Submission(DiesOnce(Reply(3)), REFERENCE)
    made.start_test(seed=1)
    assert made.call("distance", 1, 2, returns=number()) == 3


def test_a_call_gets_five_seconds_or_what_is_left_of_its_test(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    made = submission(Reply(1), Reply(1), Died("no answer"))
    made.call("distance", 1, 2)
    now[0] += 28
    made.call("distance", 1, 2)
    assert [payload["seconds"] for op, payload in made._backend.requests if op == "call"] == [5.0, 2.0]
    now[0] += 2
    with pytest.raises(OutOfTime, match="the calls of this test took more than 30 s together"):
        made.call("distance", 1, 2)
