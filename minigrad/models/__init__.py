"""Models: compositions of layers, nothing new."""

from minigrad.formats.models import clone_model, load_model, model_from_json
from minigrad.models.gpt import GPT
from minigrad.models.lenet import LeNet, LeNet5
from minigrad.models.resnet import ResNet
