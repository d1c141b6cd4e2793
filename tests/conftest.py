"""Threads and devices: `device` is the CPU, then a pretend device; with `--device cuda`, the CPU and a GPU."""

import importlib.util
from pathlib import Path

import pytest
import torch


def pytest_addoption(parser):
    parser.addoption("--device", choices=("cpu", "cuda"), default="cpu", help="what tests of devices run on")


def pytest_configure(config):
    if config.getoption("--device") == "cpu":
        _pretend_device().register()
    elif not torch.cuda.is_available():
        raise pytest.UsageError("--device cuda: torch finds no CUDA device here")


@pytest.fixture(params=("cpu", "accelerator"))
def device(request):
    """The device to put inputs on: a test that takes it runs on the CPU and on another device."""
    if request.param == "cpu":
        return torch.device("cpu")
    return torch.device("cuda" if request.config.getoption("--device") == "cuda" else "pretend", 0)


@pytest.fixture
def one_thread():
    """Torch on one thread: what must come out the same to the last bit, or beside other processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _pretend_device():
    """The module beside this file: tests are no package, and their folder is on no path."""
    path = Path(__file__).with_name("pretend_device.py")
    spec = importlib.util.spec_from_file_location("pretend_device", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
