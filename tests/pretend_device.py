"""A device that is not there, to find forgotten `.to(device)` on a machine without a GPU.

Tensors on device "pretend" hold their data in main memory, compute with PyTorch's own CPU code, and refuse to be
mixed with other tensors as CUDA's do: tensors of no dimension may come from the CPU, and so may indices. As on
CUDA, random numbers come from a generator of the device itself; this one has none but the default, which it
shares with the CPU, so a `torch.Generator` is always one of another device.

    register()                                  # once, before the first backward pass of the process
    x = torch.ones(3).to("pretend")
    x + torch.arange(3)                         # RuntimeError: two devices

Two differences from CUDA: `Module.to` puts new parameters into the module, so an optimizer has to be made after
it; and `out=` has to have its final shape.
"""

from functools import cache, partial

import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

aten = torch.ops.aten
COPIES = {aten.copy_.default, aten._copy_from.default}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
# PyTorch makes these by resizing an empty tensor, which a wrapper cannot follow.
FACTORIES = "arange arange.start arange.start_step linspace logspace eye eye.m".split()


class PretendTensor(torch.Tensor):
    """A tensor that says it is on the pretend device; `data_in_memory` is the CPU tensor with its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, data_in_memory):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            data_in_memory.shape,
            strides=data_in_memory.stride(),
            storage_offset=data_in_memory.storage_offset(),
            dtype=data_in_memory.dtype,
            device=torch.device("pretend", 0),
        )

    def __init__(self, data_in_memory):
        self.data_in_memory = data_in_memory

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return run(operation, *args, **(kwargs or {}))

    def __repr__(self, *, tensor_contents=None):
        return f"{self.data_in_memory!r} on {self.device}"

    def tolist(self):
        return self.data_in_memory.tolist()

    def numpy(self, *, force=False):
        if not force:
            raise TypeError("can't convert pretend:0 device type tensor to numpy. Use Tensor.cpu() first.")
        return self.data_in_memory.detach().numpy(force=True)

    def __array__(self, dtype=None, copy=None):
        return self.numpy()


def run(operation, *args, **kwargs):
    """Run an operation of PyTorch on the data of pretend tensors; its results are on the pretend device."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    pretend = [x for x in tensors if isinstance(x, PretendTensor)]
    device = kwargs.get("device")
    wanted = torch.device(device).type if device is not None else "pretend"
    check_devices(operation, args, kwargs)
    if wanted == "pretend":
        check_generators(operation, args, kwargs)
        kwargs = {**kwargs, "device": "cpu"} if "device" in kwargs else kwargs
    bare_args, bare_kwargs = tree_map_only(PretendTensor, lambda x: x.data_in_memory, (args, kwargs))
    result = operation(*bare_args, **bare_kwargs)
    if wanted == "pretend":
        result = tree_map_only(torch.Tensor, PretendTensor, result)
    if pretend:  # an operation in place returns its argument, a view shares its storage
        result = return_and_correct_aliasing(operation, args, kwargs, result)
    for x in pretend:
        if x.shape != x.data_in_memory.shape:
            raise NotImplementedError(
                f"{operation} changes the shape of a tensor on the pretend device in place"
            )
    return result


def check_devices(operation, args, kwargs):
    """Raise, as CUDA does, when an operand with dimensions, or one written to, is on another device."""
    if operation in COPIES:
        return
    written = [
        value
        for value, argument in zip(args, operation._schema.arguments, strict=False)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    if operation in INDEXING:  # (tensor, indices, ...): indices may be on the CPU
        args = (args[0], *args[2:])
    operands = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    others = [x for x in operands if not isinstance(x, PretendTensor)]
    strangers = [x for x in others if x.ndim > 0 or any(x is w for w in written)]
    if strangers:
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, pretend:0 and "
            f"{strangers[0].device}! (when running {operation})"
        )


def check_generators(operation, args, kwargs):
    for generator in tree_leaves((args, kwargs)):
        if isinstance(generator, torch.Generator):
            raise RuntimeError(
                f"Expected a 'pretend' device type for generator but found '{generator.device.type}' ({operation})"
            )


@cache
def register():
    """Make the device known, once. Autograd counts devices at the first backward pass, so do it before."""
    _setup_privateuseone_for_python_backend("pretend")
    everything, ours = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(run, "PrivateUse1")  # factories: operations on a pretend tensor come by its class
    for name in FACTORIES:
        operation, _, overload = name.partition(".")
        kernel = partial(run, getattr(getattr(aten, operation), overload or "default"))
        ours.impl(name, kernel, "PrivateUse1")
    ours.impl("_copy_from", _copy_from, "PrivateUse1")
    return everything, ours  # collected, they would take everything back; the cache keeps them


def _copy_from(source, target, non_blocking=False):
    """What torch.tensor(..., device="pretend") calls in the end, past `__torch_dispatch__`."""
    source, target_data = tree_map_only(PretendTensor, lambda x: x.data_in_memory, (source, target))
    target_data.copy_(source)
    return target
