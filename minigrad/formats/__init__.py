"""Reading and writing what others use: safetensors."""

from minigrad.formats.safetensors import load_weights, save_weights
