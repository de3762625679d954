"""Error rates of what was heard or read: edits that turn the prediction into the reference, for each word or character."""

import numpy as np

from minigrad import backend
from minigrad.metrics.metric import Metric


def edit_distance(reference, hypothesis):
    """The least number of insertions, deletions and substitutions that turn one sequence into the other.

    With d[i, j] for the first i and j items, d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + [a_i ≠ b_j])
    (Levenshtein 1966; Wagner and Fischer 1974). One row after the other; within a row, d[i, j] = min over k <= j of
    (the two terms without d[i, j-1]) at k, + j - k, is a running minimum. Takes memory for one row, and time O(n m).
    """
    numbers = {}
    a, b = (np.array([numbers.setdefault(item, len(numbers)) for item in items], np.int64)
            for items in (reference, hypothesis))
    places = np.arange(len(b) + 1)
    row = places
    for i, item in enumerate(a, 1):
        best = np.empty_like(row)
        best[0] = i
        np.minimum(row[1:] + 1, row[:-1] + (b != item), out=best[1:])
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])


class WordErrorRate(Metric):
    """Σ w edits / Σ w words of the reference, over all sentences: edits as `edit_distance` counts them, in words

    Of all sentences together, not the mean of each one's rate: a long sentence counts more. It may be above 1. Without any
    words in the references it is 0 if nothing was predicted either, else inf.

    update_state(y_true, y_pred, sample_weight=None)  references and hypotheses: a sentence (a str) or several; or sequences
                   of words or numbers, such as (N, T) token numbers; white space parts the words of a str
    mask_token_id  the number that fills sequences up: it is left out of both
    """

    sums = ("edits", "count")

    def __init__(self, mask_token_id=None, name="word_error_rate", dtype=None):
        super().__init__(name, dtype)
        self.mask_token_id = mask_token_id
        self.reset_state()

    def reset_state(self):
        self.edits = self.count = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = self._sentences(y_true, "y_true"), self._sentences(y_pred, "y_pred")
        if len(true) != len(predicted):
            raise self.fault("y_pred", f"{len(true)} sentences, one for each reference", f"{len(predicted)}", "pair them")
        weights = self.weigh(sample_weight, (len(true),))
        for i, (a, b) in enumerate(zip(true, predicted)):
            weight = 1 if weights is None else float(weights[i])
            self.edits += weight * edit_distance(a, b)
            self.count += weight * len(a)

    def result(self):
        return self.edits / self.count if self.count else float("inf") if self.edits else 0.0

    def parts(self, sentence):
        """The items of a str that are compared."""
        return sentence.split()

    def _sentences(self, given, what):
        """A list of lists of items."""
        if isinstance(given, str):
            given = [given]
        elif not isinstance(given, (list, tuple)):
            given = backend.to_numpy(given).tolist()
        sentences = []
        for sentence in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(sentence, str):
                sentence = self.parts(sentence)
            elif not isinstance(sentence, (list, tuple)) and np.ndim(backend.to_numpy(sentence)) == 1:
                sentence = backend.to_numpy(sentence).tolist()
            if not isinstance(sentence, (list, tuple)) or not all(isinstance(i, (str, int, float)) for i in sentence):
                raise self.fault(what, "sentences: strings, or sequences of words or numbers", f"{sentence!r:.60}",
                                 "put a single sentence of numbers into a list")
            sentences.append([i for i in sentence if self.mask_token_id is None or i != self.mask_token_id])
        return sentences


class CharacterErrorRate(WordErrorRate):
    """Σ w edits / Σ w characters of the reference, over all sentences, white space included; see WordErrorRate."""

    def __init__(self, mask_token_id=None, name="character_error_rate", dtype=None):
        super().__init__(mask_token_id, name, dtype)

    def parts(self, sentence):
        """The characters of a str."""
        return list(sentence)
