"""Weights as .safetensors: names, shapes and numbers, nothing that could be executed."""

import os
from pathlib import Path

from minigrad.layers.layer import Layer


def save_weights(model, path):
    """Write model.state_dict() to `path`. The file is written aside and renamed: an old one survives any failure."""
    from safetensors.numpy import save
    path = Path(path)
    content = save(model.state_dict())
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def load_weights(model, path):
    """Read a .safetensors file into the model. A broken file, or one that does not fit, raises ValueError and changes
    nothing; all that is missing, unexpected or of a wrong shape is named."""
    from safetensors import SafetensorError
    from safetensors.numpy import load
    content = Path(path).read_bytes()
    try:
        state = load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file ({len(content):,} bytes): {error}. "
                         "It may be cut short: copy or save it again") from error
    except KeyError as error:
        raise ValueError(f"{path} holds numbers of a dtype that NumPy does not have: {error}") from error
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


# bound here, since layers may not look up to formats
Layer.save_weights, Layer.load_weights = save_weights, load_weights
