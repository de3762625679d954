"""The time for each new token, with a cache of keys and values and without, as a text grows to 512 tokens.

    python benchmarks/generation.py                       # a GPT of 4 layers, 128 wide
    python benchmarks/generation.py --model llama --layers 6 --width 384 --heads 6

The prompt is one token. A row is the median over 16 tokens around a position; the texts are compared, too.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

import minigrad as mg

AT = (1, 64, 128, 256, 512)


def model_of(kind, layers, width, heads, vocabulary=1000, context=540):
    """A GPT or a Llama with random weights."""
    mg.seed(0)
    if kind == "gpt":
        return mg.models.GPT(vocabulary, context, width, layers, heads)
    return mg.models.Llama(vocabulary, width, 4 * width, layers, heads, max_position_embeddings=context)


def seconds_of_tokens(model, count, use_cache):
    """(the seconds that each new token took, the tokens)"""
    times, tokens = [], []
    start = time.perf_counter()
    for token in model.generate([1], count, stream=True, use_cache=use_cache, repetition_penalty=1.2):
        now = time.perf_counter()
        times.append(now - start)
        tokens.append(token)
        start = now
    return np.array(times), tokens


def around(times, position):
    """The median over 16 tokens; at the start over those after the first one, which fills the caches of the CPU."""
    first = max(min(position - 8, len(times) - 16), 1)
    return float(np.median(times[first:first + 16]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("gpt", "llama"), default="gpt")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    options = parser.parse_args()
    model = model_of(options.model, options.layers, options.width, options.heads)
    seconds_of_tokens(model, 16, True)  # warm up
    cached, text = seconds_of_tokens(model, 512, True)
    whole, other = seconds_of_tokens(model, 512, False)
    table = Table("tokens so far", "with cache, ms", "of the first's", "without, ms", "of the first's",
                  title=f"{options.model}: {options.layers} layers, {options.width} wide, {options.heads} heads")
    for position in AT:
        cells = [cell for t in (cached, whole)
                 for cell in (f"{1000 * around(t, position):.2f}", f"{around(t, position) / around(t, 1):.2f}")]
        table.add_row(str(position), *cells)
    console = Console()
    console.print(table)
    console.print(f"the texts are equal: {text == other}")


if __name__ == "__main__":
    main()
