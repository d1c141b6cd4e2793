import subprocess
import sys
import types

import numpy as np
import pytest
import torch

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.definitions import MODULE, new_definitions
from cnncourse.grading.isolation.session import MAX_PRINTED, Session
from cnncourse.grading.seam import Cell, Ref, Reply


@pytest.fixture
def submission():
    """A submission with these cells; requests travel as frames."""

    def load(*texts):
        definitions = new_definitions()
        definitions.load([Cell(number, text) for number, text in enumerate(texts, 1)], ())
        session = Session(definitions.namespace, definitions.skipped, definitions.cells)

        def ask(op, **payload) -> Reply:
            return wire.decode_reply(session.answer(wire.encode_request(4, op, payload)), 4)

        ask.session = session
        return ask

    yield load
    sys.modules.pop(MODULE, None)


def value(reply):
    assert reply.error is None, reply.error
    return reply.value


def test_a_call_returns_what_the_function_does(submission):
    ask = submission("def f(a, b=1):\n    return a + b, {'b': b}")
    total, rest = value(ask("call", name="f", args=(np.arange(3),), kwargs={"b": 2}))
    np.testing.assert_array_equal(total, [2, 3, 4])
    assert rest == {"b": 2}


# ---- what goes wrong


def test_an_exception_comes_with_its_place_in_the_students_code(submission):
    ask = submission("import json", "def f(x):\n    return g(x)\n\ndef g(x):\n    return json.loads(x)\n")
    error = ask("call", name="f", args=("{",)).error
    assert error.type == "JSONDecodeError"
    assert error.bases == ("ValueError", "Exception", "BaseException")
    assert (error.cell, error.line, error.source) == (2, 5, "return json.loads(x)")


def test_an_untouched_stub_is_not_implemented(submission):
    error = submission("def f():\n    raise NotImplementedError")("call", name="f").error
    assert "NotImplementedError" in error.bases


@pytest.mark.parametrize("asked", ["l1_distance", "L1_distances", "l1distances", "l1_distnaces"])
def test_a_misspelt_function_suggests_the_nearest_name(submission, asked):
    error = submission("def l1_distances(): pass\ndef vote(): pass")("call", name=asked).error
    assert error.type == "NameError"
    assert error.hint == "did you mean `l1_distances`?"
    assert error.line is None  # not an exception of the student's own


def test_a_missing_function_without_a_near_one_suggests_nothing(submission):
    error = submission("def vote(): pass")("call", name="l1_distances").error
    assert (error.message, error.hint) == ("`l1_distances` is not defined", None)


def test_a_skipped_name_explains_itself_when_it_is_missed(submission):
    ask = submission("images = load()", "def f():\n    return images\n\ndef g():\n    return imagse")
    for error in (ask("call", name="f").error, ask("call", name="images").error):
        assert "cell 1, line 1 assigns what a call returns" in error.hint
    assert ask("call", name="g").error.line == 5


def test_a_call_that_does_not_fit_the_signature_says_both(submission):
    error = submission("def f(a):\n    return a")("call", name="f", args=(1, 2), kwargs={"k": 3}).error
    assert error.type == "TypeError"
    assert error.hint == "your signature is `f(a)`, and the test calls `f(..., ..., k=...)`"
    assert error.line is None


def test_a_type_error_inside_the_function_is_the_functions_own(submission):
    error = submission("def f(a):\n    return len(a)")("call", name="f", args=(1,)).error
    assert (error.line, error.hint) == (2, None)


def test_what_torch_says_in_riddles_is_explained(submission):
    ask = submission(
        "import torch\nclass Layer(torch.nn.Module):\n    def __init__(self):\n"
        "        self.weight = torch.nn.Parameter(torch.zeros(1))\n",
        "def square(x):\n    return x ^ 2",
        "def order(x):\n    return x.argsort(0, descending=True, stable=True)",
    )
    named = ask("call", name="order", args=(torch.ones(2),)).error
    assert named.hint == "torch takes these arguments by their names only, as in `dim=1`"
    assert ask("create", name="Layer").error.hint == "`super().__init__()` comes first in `__init__`"
    for x in (torch.ones(2), np.ones(2), 1.5):
        error = ask("call", name="square", args=(x,)).error
        assert (error.line, error.hint) == (2, "a power is written `**`; `^` is something else"), error


def test_what_is_no_function_cannot_be_called(submission):
    error = submission("f = 3")("call", name="f").error
    assert "is no function or class but a `int`" in error.message


@pytest.mark.parametrize(
    ("body", "type", "base"),
    [
        ("raise SystemExit(3)", "SystemExit", "SystemExit"),
        ("import sys; sys.exit()", "SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('x')", "BaseException", "BaseException"),
        ("raise GeneratorExit", "GeneratorExit", "GeneratorExit"),
        ("return f()", "RecursionError", "RecursionError"),
        ("raise MemoryError", "MemoryError", "MemoryError"),
        ("return input('?')", "EOFError", "EOFError"),
        ("import sys; return sys.stdin.readline().index('a')", "ValueError", "ValueError"),
        ("raise 3", "TypeError", "TypeError"),
        ("yield 1", "TypeError", "TypeError"),
    ],
)
def test_whatever_is_raised_is_an_answer(submission, body, type, base):
    ask = submission(f"def f():\n    {body}")
    error = ask("call", name="f").error
    assert error.type == type
    assert base in error.bases
    assert ask("call", name="f").error == error


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise self",
        "def __str__(self): return 3",
        "def __str__(self): raise SystemExit",
        "def __str__(self): return 'x' * 10**7",
        "def __str__(self): return '\\ud800'",
        "def __str__(self): return type('S', (str,), {'__getitem__': lambda self, i: 1 / 0})('text')",
        "__traceback__ = property(lambda self: 1 / 0)",
    ],
)
def test_an_exception_that_defends_itself_is_described(submission, body):
    error = submission(f"class E(Exception):\n    {body}\ndef f():\n    raise E")("call", name="f").error
    assert error.type in ("E", "RuntimeError")
    assert len(error.message) <= wire.MAX_TEXT


def test_a_metaclass_that_lies_does_no_harm(submission):
    ask = submission(
        "class M(type):\n    __name__ = property(lambda c: 1 / 0)\n    __module__ = 3",
        "class E(Exception, metaclass=M): pass",
        "def f():\n    raise E\ndef g():\n    return E()\ndef h():\n    return E",
    )
    assert ask("call", name="f").error is not None
    ask("call", name="g")
    assert ask("call", name="h").error is not None


@pytest.mark.parametrize(
    ("result", "named"),
    [
        ("(i for i in [1])", "`generator`"),
        ("{1}", "`set`"),
        ("range(3)", "`range`"),
        ("f", "`function`"),
        ("[1, [object()]]", "`object`"),
        ("np.array([1j])", "complex128"),
        ("np.broadcast_to(np.zeros(1), (10**10,))", "64 MB"),
        ("[x for x in [[]] for x[:] in [[x]]]", "nested"),
    ],
)
def test_a_result_that_cannot_travel_is_named(submission, result, named):
    error = submission(f"import numpy as np\ndef f():\n    return {result}")("call", name="f").error
    assert error.type == "TypeError"
    assert named in error.message
    assert error.line is None


def test_printing_stays_inside(submission, capfd):
    ask = submission(
        "import sys, warnings",
        "def f():\n    print('a' * 10**6)\n    print('b', file=sys.stderr)\n    return 1",
    )
    assert value(ask("call", name="f")) == 1
    assert len(ask.session.printed) == MAX_PRINTED
    assert capfd.readouterr() == ("", "")


# ---- arguments


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("a[0] = 7", ("0",)),
        ("a.fill_(7)", ("1",)),
        ("k[0].append(1)", ("k",)),
        ("k[1]['x'] = object()", ("k",)),
        ("a.requires_grad_()", ("1",)),
        ("a[0] = 7; a[0] = 0", ()),
        ("a = a + 1", ()),
        ("k.append(1); raise ValueError", ("k",)),
    ],
)
def test_changed_arguments_are_reported(submission, body, changed):
    ask = submission(f"def f(x, y, k):\n    a = {'y' if changed == ('1',) else 'x'}\n    {body}")
    reply = ask("call", name="f", args=(np.zeros(3), torch.zeros(3)), kwargs={"k": [[], {}]})
    assert reply.changed == changed


def test_an_argument_arrives_with_its_layout(submission):
    ask = submission("def f(x):\n    return list(x.stride()), x.is_contiguous(), x.requires_grad")
    x = torch.zeros(3, 4, requires_grad=True).T
    assert value(ask("call", name="f", args=(x,))) == ([1, 4], False, True)


# ---- chance


def test_what_is_drawn_depends_on_the_seed_alone(submission):
    ask = submission(
        "import random, torch\nimport numpy as np",
        "def f():\n    return random.random(), np.random.rand(), torch.rand(1).item()",
    )
    first = value(ask("call", name="f"))
    assert value(ask("call", name="f")) == first
    ask("seed", seed=5)
    other = value(ask("call", name="f"))
    assert all(a != b for a, b in zip(first, other, strict=True))
    ask("seed", seed=0)
    assert value(ask("call", name="f")) == first


def test_a_generator_stays_behind_a_reference_and_may_be_drawn_from(submission):
    ask = submission(
        "import torch",
        "def seeded(seed):\n    return torch.Generator().manual_seed(seed)",
        "def f(generator):\n    return torch.rand(1, generator=generator).item()",
    )
    reply = ask("call", name="f", args=(value(ask("create", name="seeded", args=(7,))),))
    assert value(reply) == torch.rand(1, generator=torch.Generator().manual_seed(7)).item()
    assert reply.changed == ()


# ---- objects

NET = """
import torch
class Net(torch.nn.Module):
    def __init__(self, n=2):
        super().__init__()
        self.linear = torch.nn.Linear(3, n)
        self.n = n
        self.unused = torch.nn.Parameter(torch.ones(2))
    def forward(self, x):
        return self.linear(x)
    def itself(self):
        return self, [self.linear]
def same(net, other):
    return net is other
class Plain:
    def __init__(self): self.seen = []
    def add(self, x): self.seen.append(x)
"""


def test_objects_stay_behind_a_reference(submission):
    ask = submission(NET)
    net = value(ask("create", name="Net", kwargs={"n": 4}))
    assert net == Ref(0, "Net")
    assert value(ask("get", handle=net.id, name="n")) == 4
    assert value(ask("call", handle=net.id, name=None, args=(torch.ones(2, 3),))).shape == (2, 4)
    itself, (linear,) = value(ask("call", handle=net.id, name="itself"))
    assert itself == net
    assert linear == Ref(1, "Linear")
    assert value(ask("call", name="same", args=(net, itself)))
    plain = value(ask("create", name="Plain"))
    value(ask("call", handle=plain.id, name="add", args=(3,)))
    assert value(ask("get", handle=plain.id, name="seen")) == [3]


def test_weights_go_in_and_come_out(submission):
    ask = submission(NET)
    handle = value(ask("create", name="Net")).id
    state = {"linear.weight": torch.ones(2, 3), "linear.bias": torch.zeros(2), "unused": torch.zeros(2)}
    value(ask("load_state_dict", handle=handle, state=state))
    got = value(ask("state_dict", handle=handle))
    assert got.keys() == state.keys()
    assert all(torch.equal(got[name], state[name]) for name in state)
    assert (
        "size mismatch"
        in ask("load_state_dict", handle=handle, state={**state, "unused": torch.zeros(3)}).error.message
    )
    assert ask("load_state_dict", handle=handle, state={}).error.type == "RuntimeError"


@pytest.mark.parametrize("handle", [1, -1, 10**30])
def test_an_unknown_object_is_an_error(submission, handle):
    ask = submission(NET)
    ask("create", name="Net")
    assert ask("get", handle=handle, name="n").error.type == "LookupError"
    assert ask("call", name="same", args=(Ref(handle, "Net"), 1)).error.type == "LookupError"


def test_a_missing_method_suggests_the_nearest(submission):
    ask = submission(
        "class A:\n    def predict(self): pass\n    @property\n    def broken(self): return self.nothing"
    )
    handle = value(ask("create", name="A")).id
    error = ask("call", handle=handle, name="predcit").error
    assert error.hint == "did you mean `predict`?"
    assert ask("get", handle=handle, name="predic").error.hint == "did you mean `predict`?"
    assert ask("get", handle=handle, name="broken").error.line == 4


# ---- gradients


def test_gradients_of_a_function_agree_with_autograd(submission):
    ask = submission("def f(x, n, y):\n    return x ** n * y.sum(), y * 2")
    x, y = torch.rand(4, 3).T, torch.rand(3, 4)
    cotangents = torch.rand(3, 4), torch.rand(3, 4)
    got = value(ask("vjp", name="f", args=(x, 3, y), cotangents=cotangents))
    np.testing.assert_allclose(got["args"][0], cotangents[0] * 3 * x**2 * y.sum(), rtol=1e-5)
    np.testing.assert_allclose(got["args"][2], (cotangents[0] * x**3).sum() + 2 * cotangents[1], rtol=1e-5)
    assert got["args"][1] is None
    assert got["parameters"] == {}
    np.testing.assert_allclose(got["outputs"][1], 2 * y)


def test_the_first_gradient_imports_nothing_that_takes_seconds():
    """In a process of its own: sympy takes up to seconds of the first call that asks for gradients."""
    code = (
        "import sys, torch\n"
        "from cnncourse.grading.isolation.session import Session\n"
        "Session({'f': lambda x: 2 * x})._vjp('f', (torch.ones(2),), (torch.ones(2),))\n"
        "sys.exit('sympy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_gradients_of_a_module_come_by_parameter(submission):
    ask = submission(NET)
    handle = value(ask("create", name="Net")).id
    x, cotangent = torch.rand(5, 3), torch.rand(5, 2)
    got = value(ask("vjp", handle=handle, name=None, args=(x,), cotangents=(cotangent,)))
    np.testing.assert_allclose(got["parameters"]["linear.weight"], cotangent.T @ x, rtol=1e-5)
    np.testing.assert_allclose(got["parameters"]["linear.bias"], cotangent.sum(0), rtol=1e-5)
    assert got["parameters"]["unused"] is None
    np.testing.assert_allclose(
        got["args"][0], cotangent @ value(ask("state_dict", handle=handle))["linear.weight"], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("x.detach() * 2", "does not depend on the inputs"),
        ("x.numpy() * 2", "RuntimeError|grad"),
        ("3", "does not depend on the inputs"),
        ("(x, x)", "has 2 parts, expected 1"),
        ("x[:1]", "shape"),
    ],
)
def test_a_result_without_the_right_gradient_says_so(submission, body, message):
    error = submission(f"def f(x):\n    return {body}")(
        "vjp", name="f", args=(torch.ones(3),), cotangents=(torch.ones(3),)
    ).error
    assert __import__("re").search(message, error.message)


def test_names_are_those_of_the_submission(submission):
    assert value(submission("x = 1\ndef f(): pass\n_p = 2")("names")) == ["_p", "f", "x"]


def test_a_session_works_on_any_namespace():
    """Behind ``check`` it is the notebook's own, whose classes belong to ``__main__``."""
    module = types.ModuleType("__main__")
    exec("class A:\n    x = 3", module.__dict__)
    session = Session(module.__dict__)
    assert session.handle("create", {"name": "A"}).value == Ref(0, "A")
    assert session.handle("get", {"handle": 0, "name": "x"}).value == 3


NAMED = """
from typing import NamedTuple
import numpy as np

class Pair(NamedTuple):
    a: int
    b: np.ndarray

class Point(NamedTuple):
    x: int
    y: tuple

def f():
    return Pair(1, np.ones(2)), [Point(2, (3,))]
"""


def test_a_named_tuple_is_a_tuple(submission):
    ask = submission(NAMED)
    first, second = value(ask("call", name="f"))
    assert type(first) is tuple and first[0] == 1 and first[1].tolist() == [1, 1]
    assert second == [(2, (3,))]
