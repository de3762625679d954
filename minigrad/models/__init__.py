"""Models: compositions of layers, nothing new."""

from minigrad.formats.models import load_model
from minigrad.models.gpt import GPT
from minigrad.models.lenet import LeNet, LeNet5
