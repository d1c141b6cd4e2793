"""`cnncourse doctor` says what is missing, and what to do."""

import importlib.metadata
import os
import shutil

import pytest
from typer.testing import CliRunner

from cnncourse import doctor
from cnncourse.cli import app


@pytest.fixture
def only_quick_checks(monkeypatch):
    """Without the checks that import torch or start a process."""
    quick = (doctor.python, doctor.disk, doctor.numba, doctor.bubblewrap, doctor.chromium)
    monkeypatch.setattr(doctor, "CHECKS", quick)


def test_every_finding_that_is_not_ok_says_what_to_do():
    for finding in doctor.examine():
        assert finding.state in ("ok", "slow", "missing")
        assert finding.state == "ok" or finding.advice, finding


def test_a_program_that_is_not_there_is_named_with_the_way_to_get_it(monkeypatch, only_quick_checks):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0  # the course works without
    words = " ".join(result.output.split())  # the table wraps
    assert "apt install bubblewrap" in words
    assert "apt install chromium" in words


def test_without_numba_it_says_that_answers_stay_the_same(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    finding = doctor.numba()
    assert finding.state == "slow"
    assert "same answers" in finding.advice


def test_a_full_disk_is_missing_and_fails_the_command(monkeypatch, only_quick_checks):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 10**6))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "Missing: disk" in result.output


def test_a_cache_that_cannot_be_written_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNCOURSE_CACHE", str(tmp_path / "locked" / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    finding = doctor.data_cache()
    assert finding.state == "missing"
    assert "CNNCOURSE_CACHE" in finding.advice


def test_a_check_that_fails_is_a_finding_too(monkeypatch):
    def broken():
        raise OSError("no such device")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    (finding,) = doctor.examine()
    assert (finding.name, finding.state) == ("broken", "missing")
    assert "no such device" in finding.found
