"""What `import minigrad` brings in, and what it leaves for later: nobody waits for what he may not use."""

import subprocess
import sys

import pytest

LATER = ["rich", "urllib.request", "http.client", "ssl", "email.parser", "matplotlib", "sklearn", "tensorboard",
         "safetensors", "tokenizers", "onnx", "mpi4py", "cupy", "torch", "keras", "scipy.linalg", "scipy.signal",
         "scipy.ndimage", "scipy.sparse"]


@pytest.fixture(scope="module")
def loaded():
    """The modules of a process that has imported NumPy and scipy.special, and those after minigrad."""
    program = "import sys, numpy, scipy.special; print(*sys.modules); import minigrad; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    before, after = map(str.split, run.stdout.splitlines())
    assert "minigrad" in after and "numpy" in before
    return set(after) - set(before)


@pytest.mark.parametrize("module", LATER)
def test_imported_where_it_is_used(loaded, module):
    assert module not in loaded
