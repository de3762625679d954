"""The cases of operations.py: normalisation, softmax, attention, LSTM, embedding, elementwise functions."""

from operations import Case

import minigrad.functions as F


def cases():
    """Three sizes each."""
    import torch
    T = torch.nn.functional
    found = []
    for rows, d in ((64, 64), (2048, 128), (2048, 1024)):
        found.append(Case("softmax", f"{rows}x{d}", False, F.softmax, lambda x: torch.softmax(x, -1), [(rows, d)]))
        found.append(Case("layer_norm", f"{rows}x{d}", False, F.layer_norm,
                          lambda x, g, b: T.layer_norm(x, g.shape, g, b), [(rows, d), (d,), (d,)]))
    return found
