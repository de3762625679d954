"""Search sentences by their meaning, not by their words, with a pretrained transformer (MiniLM, 91 MB, downloaded once).

    python examples/search_sentences.py "something to eat" ["another query" ...]
    python examples/search_sentences.py --file notes.txt "when do we meet"           # a sentence a line
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import minigrad as mg

SENTENCES = """The cat sleeps on the warm window sill.
A dog chases its tail around the yard.
The stock market fell sharply on Monday.
Shares of the car maker lost a tenth of their value.
She baked a loaf of rye bread in the morning.
We ordered two pizzas with olives and cheese.
The train to Hamburg leaves at half past six.
All flights were cancelled because of fog.
He plays the violin in a small orchestra.
The band recorded its new album in an old church.
Heavy rain is expected over the weekend.
The thermometer fell to minus twelve degrees.
The doctor advised him to rest for a week.
A vaccine protects against most strains of the flu.
The bridge was closed for repairs.
Engineers found cracks in the concrete of the dam.
Students protested against higher fees.
The teacher explained fractions with slices of an apple.
The goalkeeper saved a penalty in the last minute.
She won the marathon by less than a second.""".splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="*", default=["something to eat", "bad news for investors", "a sleeping animal"])
    parser.add_argument("--file", type=Path, help="a text file with a sentence a line, instead of the twenty in here")
    parser.add_argument("--folder", type=Path, help="a Hugging Face folder of another BERT")
    parser.add_argument("--top", type=int, default=3, help="how many sentences to show for each query")
    options = parser.parse_args()
    sentences = SENTENCES if options.file is None else [
        line.strip() for line in options.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        model = mg.models.minilm(options.folder)
        vectors, queries = model.embed(sentences), model.embed(options.queries)
    except (ValueError, ImportError) as error:
        sys.exit(str(error))
    for query, cosines in zip(options.queries, queries @ vectors.T):
        print(f"\n{query}")
        for i in np.argsort(-cosines)[:options.top]:
            print(f"  {cosines[i]:.3f}  {sentences[i]}")


if __name__ == "__main__":
    main()
