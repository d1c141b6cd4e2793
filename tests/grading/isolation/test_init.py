"""What the first process of a worker's process ids knows of the others."""

import subprocess
import sys

CODE = """
import os, time
from cnncourse.grading.isolation.init import children
def child(work):
    number = os.fork()
    if number == 0:
        work()
        os._exit(0)
    return number
def nest():
    child(lambda: time.sleep(60))
    time.sleep(60)
living = [child(lambda: time.sleep(60)), child(nest)]
ended = child(lambda: None)
os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
time.sleep(0.3)
found = children(os.getpid())
print(sorted(map(int, found)) == sorted(living), [len(children(one)) for one in living], children(ended), flush=True)
os.killpg(0, 9)
"""


def test_children_are_the_living_ones_of_this_process_alone():
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "True [0, 1] []\n"
    process.wait(60)
