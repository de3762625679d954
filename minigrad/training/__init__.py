"""Training in Keras's style: `Model.compile`, `fit`, `evaluate`, `predict`."""

from minigrad.callbacks import History
from minigrad.training.functional import Functional, InputLayer
from minigrad.training.model import Model
from minigrad.training.sequential import Sequential
