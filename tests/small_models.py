"""Small models, Hugging Face folders and a tokenizer, for the tests of models."""

import json

import numpy as np

import minigrad as mg

WORDS = "<pad> <end> a cat sat on the mat and dog ran to . , x y".split()


def small(kind, **changes):
    """A model of 16 tokens and 12 positions, with random weights far from 0."""
    mg.seed(0)
    common = {"vocab_size": 16, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 10,
              "max_position_embeddings": 12}
    model = {"gpt": lambda **c: mg.models.GPT(**{"vocabulary": 16, "context": 12, "width": 8, "depth": 2, "heads": 2} | c),
             "llama": lambda **c: mg.models.Llama(**common | {"num_key_value_heads": 1} | c),
             "bert": lambda **c: mg.models.BERT(**common | c),
             "vit": lambda **c: mg.models.ViT(image_size=4, patch_size=2, hidden_size=8, num_hidden_layers=2,
                                              num_attention_heads=2, intermediate_size=10, **c)}[kind](**changes)
    rng = np.random.default_rng(0)
    for p in model.parameters():
        p.data = rng.normal(0, 0.5, p.shape).astype(p.dtype)
    return model


def tokenizer(words=WORDS):
    """One token a word; needs the library `tokenizers`."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="x"))
    made.pre_tokenizer = WhitespaceSplit()
    return made


def write_tensors(path, arrays, dtypes=None):
    """A .safetensors file, byte by byte: {name: array}; dtypes {name: "BF16"} of bits that NumPy has no name for."""
    kinds, header, data = {"f4": "F32", "f2": "F16", "f8": "F64", "i8": "I64"}, {}, b""
    for name, a in arrays.items():
        dtype = (dtypes or {}).get(name) or kinds[a.dtype.str[1:]]
        header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.nbytes]}
        data += np.ascontiguousarray(a).tobytes()
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)


def read_tensors(path):
    """{name: array} of a .safetensors file of float32, as `save_pretrained` writes it."""
    from safetensors.numpy import load_file
    return load_file(path)
