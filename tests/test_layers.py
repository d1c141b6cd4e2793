"""Who may know whom: the package's rooms, as the sources import each other, functions and type checks included."""

from cnncourse import imports

GROUND = {"arithmetic", "checks", "files", "imports", "processes", "progress"}
SUBJECT = {"neighbors", "classical", "classification", "detection", "segmentation", "looking"}
MAY_KNOW = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(SUBJECT, GROUND | SUBJECT),
    "data": GROUND | SUBJECT,
    "visualize": GROUND | SUBJECT | {"data"},
    "training": GROUND | SUBJECT | {"data", "visualize"},
    "experiments": GROUND | SUBJECT | {"data", "visualize", "training"},
    "grading": GROUND,  # it is handed a notebook and tests, and knows no lab
    "gradebook": GROUND | {"grading"},
    "address": GROUND,
    "release": GROUND | {"grading", "address"},
    "doctor": GROUND | {"data"},
}


def room(module: str) -> str:
    return [*module.split("."), ""][1]


def test_no_import_runs_up():
    found = {
        (name, other)
        for name, others in imports.edges().items()
        for other in others
        if room(name) not in ("", "cli", room(other)) and room(other) not in MAY_KNOW[room(name)]
    }
    assert found == set()


def test_every_room_is_known():
    assert {room(name) for name in imports.modules()} <= {"", "cli", *MAY_KNOW}


def test_there_are_no_circles():
    assert imports.circles() == []


def test_what_runs_beside_a_submission_leads_to_no_test():
    reached = imports.closure(["cnncourse.grading.isolation.forker"])
    assert not any(name.endswith((".plugin", ".specs", ".compare", ".running", ".lab")) for name in reached)
