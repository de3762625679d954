"""Freed memory stays with the process for the next arrays."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
import minigrad

def step():
    return [np.ones(1 << 18) for _ in range(8)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(3):
    step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what other C libraries do with freed memory is their own")
def test_arrays_of_a_step_get_the_pages_of_the_step_before():
    """10 steps of 16 MB on fresh pages would be 40,960 page faults of 4 KB each."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 400
