"""Reading and writing: whole models; weights as safetensors, which others use too."""

from minigrad.formats.models import load_model, save_model
from minigrad.formats.safetensors import load_weights, save_weights
