"""Models: compositions of layers, nothing new."""

from minigrad.formats.models import clone_model, load_model, model_from_json
from minigrad.models.bert import BERT
from minigrad.models.cache import KeyValueCache
from minigrad.models.gpt import GPT
from minigrad.models.lenet import LeNet, LeNet5
from minigrad.models.llama import Llama
from minigrad.models.minilm import minilm
from minigrad.models.pretrained import from_pretrained
from minigrad.models.resnet import ResNet
from minigrad.models.vit import ViT
