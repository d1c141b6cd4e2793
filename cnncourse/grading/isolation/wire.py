"""Values as bytes: a JSON envelope for structure, safetensors for data. Nothing is ever unpickled.

Travelling values are None, bool, int, float, str, numpy arrays and scalars, torch tensors, ``Ref``, and
tuples, lists and dictionaries (with string keys) of these. Each arrives with exactly the type it left with; a
subclass does not travel, so nothing that arrives has methods of its sender's making.

The bytes of a reply are a stranger's. Decoding them executes nothing, allocates no more than a small multiple
of what arrived, and ends in a value or in ``WireError``.
"""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from cnncourse.grading.seam import Ref, RemoteError, Reply

# Exactly these: a subclass may lie about its values. (A test that brings a device of its own adds its type.)
TENSORS = {torch.Tensor, torch.nn.Parameter}
MAX_FRAME = 64 * 2**20  # a batch of 1000 CIFAR images in float32 is 12 MB
MAX_HEADER = 2 * 2**20  # as Python objects the envelope takes up to 25 times its length
MAX_DEPTH = 32
MAX_INT_BITS = 1024
MAX_TEXT = 2000  # characters of a message, of a source line, ...

_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
_DTYPES = {np.dtype(name): getattr(torch, name) for name in _NAMES}
_TORCH_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (*_DTYPES.values(), torch.bfloat16)}
_TYPES = {dtype.type for dtype in _DTYPES}
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class WireError(Exception):
    """Bytes that are no message."""


class Unsupported(Exception):
    """A value that does not travel. The message names its type."""


def encode(value: Any, layout: bool = False) -> bytes:
    """A value as bytes.

    Args:
        layout: keep the memory layout of arrays (strides, read-only); otherwise they are sent contiguous.

    Raises:
        Unsupported: a part of the value is of no travelling type, or all of it is too large.
    """
    packer = _Packer(layout)
    try:
        header = _JSON.encode(packer.pack(value)).encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported("text with characters that are not valid Unicode") from None
    size = len(header) + sum(blob.nbytes for blob in packer.blobs.values())
    if len(header) > MAX_HEADER or size > MAX_FRAME - 2**20:
        raise Unsupported(f"{size / 2**20:.0f} MB, more than the {MAX_FRAME // 2**20} MB that fit")
    return len(header).to_bytes(4, "big") + header + safetensors.numpy.save(packer.blobs)


def fingerprint(value: Any) -> tuple:
    """Something that differs when a value, or its memory layout, has changed. Raises Unsupported as ``encode``."""
    packer = _Packer(layout=True)
    envelope = _JSON.encode(packer.pack(value))
    return envelope, *((blob.dtype, blob.tobytes()) for blob in packer.blobs.values())


def decode(data: bytes, layout: bool = False, devices: tuple[str, ...] = ("cpu",)) -> Any:
    """The value that ``encode`` made these bytes of.

    Args:
        layout: accept strides. They let a few bytes stand for a huge array, so a stranger's are refused.
        devices: types of device that tensors may ask to be on.

    Raises:
        WireError: the bytes are not such a value.
    """
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 or length > min(MAX_HEADER, len(data) - 4) or len(data) > MAX_FRAME:
        raise WireError("the envelope is longer than allowed, or than its frame")
    try:
        blobs = _blobs(data[4 + length :])
        envelope = json.loads(
            data[4 : 4 + length].decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
        )
        unpacker = _Unpacker(blobs, layout, devices)
        value = unpacker.unpack(envelope)
    except WireError:
        raise
    except RecursionError:
        raise WireError("the envelope is nested too deeply") from None
    except Exception as error:  # json, safetensors, numpy and torch each have their own ways to refuse
        raise WireError(f"{type(error).__name__}: {error}"[:200]) from None
    if unpacker.used != len(blobs):
        raise WireError("data that the envelope does not mention")
    return value


def encode_request(id: int, op: str, payload: dict[str, Any]) -> bytes:
    """A request as a frame. ``id`` comes back in its reply."""
    return encode({"id": id, "op": op, "payload": payload}, layout=True)


def decode_request(frame: bytes, devices: tuple[str, ...] = ("cpu",)) -> tuple[int, str, dict[str, Any]]:
    """``id``, ``op`` and ``payload`` of a request."""
    message = decode(frame, layout=True, devices=devices)
    return message["id"], message["op"], message["payload"]


def encode_reply(id: int, reply: Reply) -> bytes:
    """A reply as a frame. Raises Unsupported when its value does not travel."""
    error = None if reply.error is None else asdict(reply.error)
    return encode({"id": id, "value": reply.value, "error": error, "changed": reply.changed})


def decode_reply(frame: bytes, id: int, devices: tuple[str, ...] = ("cpu",)) -> Reply:
    """The reply to request ``id``. Raises WireError for anything else."""
    message = decode(frame, devices=devices)
    if type(message) is not dict or message.keys() != {"id", "value", "error", "changed"}:
        raise WireError("not a reply")
    if type(message["id"]) is not int or message["id"] != id:
        raise WireError("a reply that nobody asked for")
    changed = message["changed"]
    if type(changed) is not tuple or len(changed) > 1000 or not all(type(name) is str for name in changed):
        raise WireError("not a list of changed arguments")
    return Reply(message["value"], _remote_error(message["error"]), changed)


def _remote_error(fields: Any) -> RemoteError | None:
    if fields is None:
        return None
    if type(fields) is not dict or fields.keys() != set(RemoteError.__dataclass_fields__):
        raise WireError("not an error")
    check_texts(fields, required=("type", "message"), optional=("source", "hint"))
    check_places(fields)
    bases = fields["bases"]
    if type(bases) is not tuple or len(bases) > 100 or not all(type(name) is str for name in bases):
        raise WireError("not the bases of an error")
    return RemoteError(**fields)


def check_texts(fields: dict, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Raises WireError unless these fields are strings of bounded length, the optional ones perhaps None."""
    for name in required + optional:
        text = fields[name]
        allowed = type(text) is str and len(text) <= MAX_TEXT
        if not (allowed or (name in optional and text is None)):
            raise WireError(f"{name} is not a short text")


def check_places(fields: dict) -> None:
    """Raises WireError unless ``cell`` and ``line`` are None or counts from 1."""
    for place in (fields["cell"], fields["line"]):
        if place is not None and not (type(place) is int and 0 < place < 10**7):
            raise WireError("not a place in a notebook")


class _Packer:
    """Turns a value into JSON, and collects the arrays of its data by number."""

    def __init__(self, layout: bool):
        self.layout = layout
        self.blobs: dict[str, np.ndarray] = {}
        self.room = MAX_FRAME

    def pack(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if depth > MAX_DEPTH:
            raise Unsupported(f"values nested more than {MAX_DEPTH} deep")
        if value is None or kind is bool:
            return value
        if kind is int:
            return self._int(value)
        if kind is str:
            value.encode("utf-8")
            return value
        if kind is float:
            return value if math.isfinite(value) else {"kind": "float", "value": repr(value)}
        if kind in (tuple, list):
            return {"kind": kind.__name__, "items": [self.pack(item, depth + 1) for item in value]}
        if kind is dict:
            return {"kind": "dict", "items": [self._item(key, item, depth) for key, item in value.items()]}
        if kind is Ref:
            return {"kind": "ref", "id": value.id, "type": value.type}
        return self._array(value, kind)

    def _int(self, value: int) -> int:
        if value.bit_length() > MAX_INT_BITS:
            raise Unsupported(f"a whole number of {value.bit_length()} bits")
        return value

    def _item(self, key: Any, item: Any, depth: int) -> list:
        if type(key) is not str:
            raise Unsupported(f"a dictionary with a key of type `{type_name(key)}`")
        return [self.pack(key), self.pack(item, depth + 1)]

    def _array(self, value: Any, kind: type) -> dict:
        if kind is np.ndarray and value.dtype.newbyteorder("=") in _DTYPES:
            return self._numpy(value)
        if kind in _TYPES:
            return {"kind": "scalar", "data": self._store(np.asarray(value))}
        if kind in TENSORS and value.layout is torch.strided:
            if _dtype_name(value.dtype) in _TORCH_DTYPES:
                return self._tensor(value)
        if kind is np.ndarray or kind is torch.Tensor:
            raise Unsupported(f"an array of dtype {str(value.dtype)[:100]}")
        raise Unsupported(f"a `{type_name(value)}`")

    def _numpy(self, value: np.ndarray) -> dict:
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        packed = {"kind": "array"}
        if self.layout:
            packed["readonly"] = not value.flags.writeable
        if not self.layout or value.flags.c_contiguous:
            return packed | {"data": self._store(value)}
        size = value.itemsize
        if any(stride % size for stride in value.strides):
            return packed | {"data": self._store(np.ascontiguousarray(value))}
        strides = [stride // size for stride in value.strides]
        offset = sum((n - 1) * -s for n, s in zip(value.shape, strides, strict=True) if s < 0)
        span = _span(value.shape, [abs(s) for s in strides])
        lowest = value[tuple(slice(None, None, -1) if s < 0 else slice(None) for s in strides)]
        flat = np.lib.stride_tricks.as_strided(lowest, (span,), (size,), writeable=False)
        return packed | {
            "data": self._store(flat),
            "shape": list(value.shape),
            "strides": strides,
            "offset": offset,
        }

    def _tensor(self, value: torch.Tensor) -> dict:
        if value.device.type == "meta":
            raise Unsupported("a tensor on the device `meta`, which holds no values")
        packed = {"kind": "tensor", "dtype": _dtype_name(value.dtype), "device": str(value.device)}
        packed["requires_grad"] = value.requires_grad
        value = value.detach().resolve_neg()
        if self.layout and not value.is_contiguous():
            packed |= {"shape": list(value.shape), "strides": list(value.stride())}
            value = value.as_strided((_span(value.shape, value.stride()),), (1,))
        self._reserve(value.numel() * value.element_size())
        value = value.contiguous().cpu()
        if value.dtype is torch.bfloat16:
            value = value.view(torch.uint16)
        return packed | {"data": self._store(value.numpy(), reserved=True)}

    def _store(self, array: np.ndarray, reserved: bool = False) -> int:
        if not reserved:
            self._reserve(array.nbytes)
        self.blobs[str(len(self.blobs))] = np.ascontiguousarray(array).reshape(array.shape)
        return len(self.blobs) - 1

    def _reserve(self, size: int) -> None:
        """Refuses what is too large before it is copied: an expanded array may stand for terabytes."""
        self.room -= size
        if self.room < 0:
            raise Unsupported(f"more than {MAX_FRAME // 2**20} MB of data")


class _Unpacker:
    """Turns an envelope and its arrays back into a value, doubting both."""

    def __init__(self, blobs: dict[str, np.ndarray], layout: bool, devices: tuple[str, ...]):
        self.blobs, self.layout, self.devices = blobs, layout, devices
        self.used = 0

    def unpack(self, packed: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise WireError("the envelope is nested too deeply")
        if type(packed) is str:
            packed.encode("utf-8")  # lone surrogates would break whoever prints them
        if type(packed) is not dict:
            if type(packed) is list:
                raise WireError("a bare list")
            return packed
        kind = packed.get("kind")
        if kind == "float" and packed.get("value") in ("nan", "inf", "-inf"):
            return float(packed["value"])
        if kind in ("list", "tuple"):
            items = [self.unpack(item, depth + 1) for item in _list(packed["items"])]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return self._dict(_list(packed["items"]), depth)
        if kind == "ref" and type(packed["id"]) is int and type(packed["type"]) is str:
            return Ref(packed["id"], self.unpack(packed["type"])[:100])
        if kind == "array":
            return self._numpy(packed)
        if kind == "scalar":
            scalar = self._data(packed)
            if scalar.shape != ():
                raise WireError("a scalar with a shape")
            return scalar[()]
        if kind == "tensor":
            return self._tensor(packed)
        raise WireError("a value of no known kind")

    def _dict(self, items: list, depth: int) -> dict:
        result = {}
        for item in items:
            key, value = _list(item)
            if type(key) is not str or key in result:
                raise WireError("a key twice, or none")
            result[self.unpack(key)] = self.unpack(value, depth + 1)
        return result

    def _data(self, packed: dict) -> np.ndarray:
        if packed["data"] != self.used or type(packed["data"]) is not int:
            raise WireError("data used twice or out of order")
        self.used += 1
        return self.blobs[str(self.used - 1)]

    def _numpy(self, packed: dict) -> np.ndarray:
        array = self._data(packed)
        if not self.layout:
            return array
        if "strides" in packed:
            size = array.itemsize
            strides = [stride * size for stride in packed["strides"]]
            array = np.lib.stride_tricks.as_strided(array[packed["offset"] :], packed["shape"], strides)
        if packed["readonly"]:
            array.flags.writeable = False
        return array

    def _tensor(self, packed: dict) -> torch.Tensor:
        data = self._data(packed)
        tensor = torch.from_numpy(data)
        if packed["dtype"] == "bfloat16" and data.dtype == np.uint16:
            tensor = tensor.view(torch.bfloat16)
        elif _TORCH_DTYPES.get(packed["dtype"]) is not tensor.dtype:
            raise WireError("a tensor whose data have another dtype")
        device = packed["device"]
        if type(device) is not str or device.partition(":")[0] not in self.devices:
            raise WireError("a tensor on a device that is not there")
        tensor = tensor.to(device)
        if self.layout and "strides" in packed:
            tensor = tensor.as_strided(packed["shape"], packed["strides"])
        return tensor.detach().requires_grad_(packed["requires_grad"] is True)


def type_name(value: Any) -> str:
    """The name of a value's type, whatever its class does to hide it."""
    name = type.__dict__["__name__"].__get__(type(value))
    return str.__getitem__(name, slice(0, 100)).encode("utf-8", "backslashreplace").decode()


def _blobs(data: bytes) -> dict[str, np.ndarray]:
    """The arrays, after the checks that safetensors leaves to its caller."""
    if int.from_bytes(data[:8], "little") > MAX_HEADER:
        raise WireError("the header of the data is longer than allowed")
    blobs = safetensors.numpy.load(data)
    for array in blobs.values():
        if array.dtype not in _DTYPES:
            raise WireError("data of no known dtype")
        if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            raise WireError("a boolean that is neither true nor false")
    return blobs


def _span(shape, strides) -> int:
    """How many elements lie between the first and the last of an array, both included."""
    if 0 in shape:
        return 0
    return 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _list(value: Any) -> list:
    if type(value) is not list:
        raise WireError("not a list")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise WireError("a field twice")
    return result


def _no_constant(name: str) -> None:
    raise WireError(f"the number {name}")


def _bounded_int(digits: str) -> int:
    # 320 digits hold MAX_INT_BITS; a few numbers of 320 digits are longer still, and could not be sent back
    if len(digits) > 320 or int(digits).bit_length() > MAX_INT_BITS:
        raise WireError("a number that is too long")
    return int(digits)
