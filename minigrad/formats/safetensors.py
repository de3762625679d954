"""Weights as .safetensors: names, shapes and numbers, nothing that could be executed."""

from pathlib import Path

from minigrad import files
from minigrad.layers.layer import Layer


def save_weights(model, path):
    """Write model.state_dict() to `path`. The file is written aside and renamed: an old one survives any failure."""
    files.write(path, files.arrays_to_bytes(model.state_dict()))


def load_weights(model, path):
    """Read a .safetensors file into the model. A broken file, or one that does not fit, raises ValueError and changes
    nothing; all that is missing, unexpected or of a wrong shape is named."""
    state, _ = files.arrays_from_bytes(Path(path).read_bytes(), path)
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


# bound here, since layers may not look up to formats
Layer.save_weights, Layer.load_weights = save_weights, load_weights
