"""Training in Keras's style: `Model.compile`, `fit`, `evaluate`, `predict`."""

from minigrad.training.history import History
from minigrad.training.model import Model, Sequential
