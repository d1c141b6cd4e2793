"""Files are written whole or not at all."""

import json

import pytest

from cnncourse import files


def test_what_is_written_is_there_and_nothing_beside_it(tmp_path):
    files.write_json(tmp_path / "new" / "a.json", {"b": 1})
    files.write_text(tmp_path / "new" / "a.txt", "ä\r\n\n")
    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {"b": 1}
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä\r\n\n".encode()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.json", "a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write failed")])
def test_what_was_there_stays_when_writing_fails(tmp_path, error):
    file = tmp_path / "a"
    file.write_text("old")

    def write(beside):
        beside.write_text("ne")
        raise error

    with pytest.raises(files.FileError, match=r"a could not be written: .*untouched"):
        files.write_beside(file, write)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_mistake_of_ours_is_no_file_error_and_leaves_nothing_either(tmp_path):
    with pytest.raises(KeyError):
        files.write_beside(tmp_path / "a", lambda beside: beside.write_text("x") and {}["b"])
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(files.FileError, match="could not be written"):
        files.write_text(tmp_path / "file" / "below", "")
