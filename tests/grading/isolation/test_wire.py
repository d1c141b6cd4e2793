import contextlib
import json
import math
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.wire import Unsupported, WireError, decode, encode
from cnncourse.grading.seam import Ref, RemoteError, Reply

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


def there_and_back(value, layout=False):
    return decode(encode(value, layout), layout)


def same(one, other):
    """Equal in value and in exact type, all the way down. NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    return one == other


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**1000), 2**1000)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text("ab:\0é"), inner),
    max_leaves=20,
)


@given(plain)
def test_plain_values_arrive_as_they_left(value):
    assert same(there_and_back(value), value)
    assert same(there_and_back(value, layout=True), value)


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0, max_side=4))
    )
)
def test_arrays_arrive_bit_for_bit(array):
    assert same(there_and_back(array), array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars_stay_numpy_scalars(dtype):
    assert same(there_and_back(np.dtype(dtype).type(1)), np.dtype(dtype).type(1))
    assert type(there_and_back(1.0)) is float
    assert type(there_and_back(True)) is bool


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_tensors_arrive_with_their_dtype(dtype):
    tensor = torch.tensor([[0, 1], [1, 0]]).to(getattr(torch, dtype))
    got = there_and_back(tensor)
    assert type(got) is torch.Tensor
    assert got.dtype == tensor.dtype
    assert torch.equal(got.view(torch.uint8), tensor.view(torch.uint8))


@pytest.mark.parametrize("requires_grad", [True, False])
def test_requires_grad_arrives_on_a_leaf(requires_grad):
    tensor = torch.ones(3, 4, requires_grad=requires_grad).T
    got = there_and_back(tensor, layout=True)
    assert got.requires_grad == requires_grad
    assert got.is_leaf


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.T,
        lambda x: x[:, ::2],
        lambda x: x[1:, 1:2],
        lambda x: x[0, 0],
        lambda x: x[:0],
        lambda x: x[1, ::3],
    ],
)
def test_the_layout_of_arguments_is_kept(view):
    array = view(np.arange(24.0).reshape(4, 6))
    if isinstance(array, np.ndarray):
        got = there_and_back(array, layout=True)
        assert same(got, array)
        assert array.size == 0 or got.strides == array.strides
    tensor = view(torch.arange(24.0).reshape(4, 6))
    got = there_and_back(tensor, layout=True)
    assert torch.equal(got, tensor)
    assert got.stride() == tensor.stride()


def test_negative_and_zero_strides_arrive():
    array = np.arange(24.0).reshape(4, 6)
    for view in (array[::-1], array[::-2, ::-1], array[:, ::-1].T, np.broadcast_to(array[0], (5, 6))):
        got = there_and_back(view, layout=True)
        assert same(got, view)
        assert got.strides == view.strides
        assert got.flags.writeable == view.flags.writeable
    tensor = torch.arange(3.0).expand(4, 3)
    assert there_and_back(tensor, layout=True).stride() == (0, 1)


def test_results_are_contiguous():
    assert there_and_back(np.ones((3, 4)).T).flags.c_contiguous
    assert there_and_back(torch.ones(1).expand(5)).stride() == (1,)


def test_references_and_parameters_travel():
    assert there_and_back((Ref(3, "Net"),)) == (Ref(3, "Net"),)
    got = there_and_back(torch.nn.Parameter(torch.ones(2)))
    assert type(got) is torch.Tensor
    assert got.requires_grad


class EqualsEverything(np.ndarray):
    def __eq__(self, other):
        return True


class Text(str):
    pass


class Tensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (np.ones(3).view(EqualsEverything), "EqualsEverything"),
        (Text("a"), "Text"),
        (torch.ones(2).as_subclass(Tensor), "Tensor"),
        (np.ma.array([1]), "MaskedArray"),
        ((i for i in range(3)), "generator"),
        ({1, 2}, "set"),
        (1j, "complex"),
        (np.array([1j]), "complex128"),
        (np.array([None]), "object"),
        (np.array(["a"]), "<U1"),
        (torch.ones(2).to_sparse(), "float32"),
        ({1: 2}, "int"),
        (torch.ones(2, device="meta"), "meta"),
        (2**2000, "2001 bits"),
        ("\ud800", "Unicode"),
        (np.zeros(1).repeat(2**24), "MB"),
        (torch.zeros(1).expand(2**40), "MB"),
        (np.broadcast_to(np.zeros(1), (2**40,)), "MB"),
    ],
)
def test_what_does_not_travel_is_named(value, name):
    with pytest.raises(Unsupported, match=name):
        encode(value)
    with pytest.raises(Unsupported, match=name):
        encode([1, {"a": value}])


def test_a_value_that_contains_itself_does_not_travel():
    value = []
    value.append(value)
    with pytest.raises(Unsupported, match="nested"):
        encode(value)


# ---- a stranger's bytes


def framed(envelope, blobs=None):
    text = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    data = blobs if isinstance(blobs, bytes) else safetensors.numpy.save(blobs or {})
    return len(text).to_bytes(4, "big") + text + data


ONE = {"0": np.arange(4, dtype=np.float32)}
TENSOR = {"kind": "tensor", "data": 0, "dtype": "float32", "device": "cpu", "requires_grad": False}


def test_the_hand_made_frame_is_a_good_one():
    assert torch.equal(decode(framed(TENSOR, ONE)), torch.arange(4.0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"\xff\xff\xff\xff",
        framed(b"{"),
        framed(b"\xff\xfe"),
        framed(b"NaN"),
        framed(b"[1, -Infinity]"),
        framed(b"[" * 100_000 + b"]" * 100_000),
        framed(b'{"kind": "list", "kind": "tuple", "items": []}'),
        framed(b'{"kind":"list","items":[' * 40 + b"]}" * 40),
        framed(b"1" * 100_000),
        framed([1, 2]),
        framed({"kind": "list", "items": 3}),
        framed({"kind": "list"}),
        framed({"kind": "float", "value": "1.0"}),
        framed({"kind": "float", "value": "__import__('os')"}),
        framed({"kind": "dict", "items": [["a", 1], ["a", 2]]}),
        framed({"kind": "dict", "items": [[1, 1]]}),
        framed({"kind": "dict", "items": [["a"]]}),
        framed({"kind": "ref", "id": "0", "type": "Net"}),
        framed({"kind": "ref", "id": True, "type": "Net"}),
        framed({"kind": "object"}),
        framed({"kind": ["list"]}),
        framed(b'"\\ud800"'),
        framed({"kind": "array", "data": 0}),
        framed({"kind": "array", "data": -1}, ONE),
        framed({"kind": "array", "data": False}, ONE),
        framed({"kind": "array", "data": 0.0}, ONE),
        framed({"kind": "list", "items": [{"kind": "array", "data": 0}] * 2}, ONE),
        framed(None, ONE),
        framed({"kind": "scalar", "data": 0}, ONE),
        framed(TENSOR | {"dtype": "float64"}, ONE),
        framed(TENSOR | {"device": "cuda"}, ONE),
        framed(TENSOR | {"device": "meta"}, ONE),
        framed(TENSOR | {"device": "cpu:" + "9" * 30}, ONE),
        framed(TENSOR | {"device": None}, ONE),
        framed(TENSOR | {"dtype": "int64", "requires_grad": True}, {"0": np.zeros(2, np.int64)}),
        framed({"kind": "array", "data": 0}, b"\xff" * 8),
        framed({"kind": "array", "data": 0}, (2**24).to_bytes(8, "little") + b" " * 100),
        framed({"kind": "array", "data": 0}, (10**15).to_bytes(8, "little")),
        framed({"kind": "array", "data": 0}, safetensors.numpy.save(ONE)[:-1]),
        framed({"kind": "array", "data": 0}, safetensors.numpy.save(ONE) + b"x"),
    ],
    ids=range(42),
)
def test_a_frame_that_nobody_encoded_is_refused(data):
    with pytest.raises(WireError):
        decode(data)


def blob(dtype, shape, offsets, data):
    header = json.dumps({"0": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize(
    "data",
    [
        blob("F32", [2**62, 4], [0, 16], bytes(16)),
        blob("F32", [-1], [0, 4], bytes(4)),
        blob("F32", [2**70], [0, 4], bytes(4)),
        blob("F32", [4], [0, 2**62], bytes(16)),
        blob("F32", [4], [16, 0], bytes(16)),
        blob("F33", [4], [0, 16], bytes(16)),
        blob("BF16", [2], [0, 4], bytes(4)),
        blob("BOOL", [2], [0, 2], b"\1\2"),
        blob("F32", "4", [0, 16], bytes(16)),
        blob("F32", [1.0], [0, 4], bytes(4)),
    ],
)
def test_arrays_that_lie_about_themselves_are_refused(data):
    with pytest.raises(WireError):
        decode(framed({"kind": "array", "data": 0}, data))


def test_strides_of_a_stranger_are_never_followed():
    """A few bytes with strides of 0 would be a terabyte as soon as somebody copies them."""
    strided = TENSOR | {"shape": [2**20, 2**20], "strides": [0, 0]}
    assert decode(framed(strided, ONE)).shape == (4,)
    strided = {"kind": "array", "data": 0, "shape": [2**40], "strides": [0], "offset": 0, "readonly": False}
    assert decode(framed(strided, ONE)).shape == (4,)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    with pytest.raises(WireError):
        decode(data)


GOOD = wire.encode_reply(7, Reply((np.arange(3), torch.ones(2), {"a": [1.5, "b", None]}), None, ("0",)))


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_a_damaged_reply_is_a_reply_or_refused(changes, cut):
    data = bytearray(GOOD)
    for position, value in changes:
        data[position] = value
    try:
        reply = wire.decode_reply(bytes(data[: len(data) - cut]), 7)
    except WireError:
        return
    assert type(reply) is Reply


@pytest.mark.parametrize(
    "message",
    [
        None,
        {"id": 7, "value": 1, "error": None},
        {"id": 7, "value": 1, "error": None, "changed": (), "more": 1},
        {"id": 8, "value": 1, "error": None, "changed": ()},
        {"id": 7.0, "value": 1, "error": None, "changed": ()},
        {"id": True, "value": 1, "error": None, "changed": ()},
        {"id": 7, "value": 1, "error": None, "changed": [0]},
        {"id": 7, "value": 1, "error": None, "changed": (0,)},
        {"id": 7, "value": 1, "error": "no", "changed": ()},
        {"id": 7, "value": 1, "error": {"type": "E"}, "changed": ()},
    ],
)
def test_what_is_no_reply_to_the_question_is_refused(message):
    with pytest.raises(WireError):
        wire.decode_reply(encode(message), 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": "x" * 100_000},
        {"message": 3},
        {"type": None},
        {"bases": ["Exception"]},
        {"bases": (1,)},
        {"cell": -1},
        {"line": 1.5},
        {"line": 10**9},
        {"source": 3},
        {"hint": ("x",)},
    ],
)
def test_an_error_with_impossible_fields_is_refused(wrong):
    fields = dict(type="E", bases=("Exception",), message="m", cell=1, line=2, source="s", hint=None)
    frame = encode({"id": 7, "value": None, "error": fields, "changed": ()})
    assert wire.decode_reply(frame, 7).error == RemoteError(**fields)
    with pytest.raises(WireError):
        wire.decode_reply(encode({"id": 7, "value": None, "error": fields | wrong, "changed": ()}), 7)


def test_requests_come_through():
    payload = {"name": "f", "args": (np.ones((2, 3)).T,), "kwargs": {"k": 1}, "handle": None}
    id, op, got = wire.decode_request(wire.encode_request(5, "call", payload))
    assert (id, op) == (5, "call")
    assert same(got, payload)


EMPTY_TENSORS = {str(i): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(30_000)}


@pytest.mark.parametrize(
    ("envelope", "header"),
    [
        (b'{"kind":"list","items":[' + b",".join([b'{"kind":"list","items":[]}'] * 75_000) + b"]}", {}),
        (b"[" + b"1," * 1_000_000 + b"1]", {}),
        (b"null", EMPTY_TENSORS),
    ],
    ids=["lists", "numbers", "tensors"],
)
def test_the_largest_envelopes_take_bounded_memory(envelope, header):
    header = json.dumps(header).encode()
    data = framed(envelope, len(header).to_bytes(8, "little") + header)
    assert 1.5 * 2**20 < len(data) < 3 * 2**20
    tracemalloc.start()
    try:
        with contextlib.suppress(WireError):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()
