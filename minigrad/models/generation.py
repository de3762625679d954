"""Generation: the next token is chosen from the model's logits, appended, and so on."""

import numpy as np

from minigrad import random
from minigrad.autograd import no_grad
from minigrad.layers.core import positive
from minigrad.models.cache import KeyValueCache


class Generates:
    """What writes texts with a model that gives logits for the next token."""

    def generate(self, prompt, max_new_tokens=20, temperature=0.0, top_k=None, top_p=None, repetition_penalty=1.0, stop=None,
                 seed=None, stream=None, use_cache=True):
        """The prompt and what the model writes after it: a text for a text, ids for ids, (T + new,) or (N, T + new).

        prompt               a text (for a model with a tokenizer), ids (T,), or ids (N, T) of N texts
        max_new_tokens       how many tokens at most; with the prompt they must fit the model's positions
        temperature          0: always the likeliest token; else logits are divided by it, and a token is drawn
        top_k, top_p         draw from the k likeliest; from the likeliest that together have the probability p, at least
                             one (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration")
        repetition_penalty   divides the positive logits of tokens that are in the text already, multiplies the negative ones
                             (Keskar et al. 2019, "CTRL", sec. 4.1)
        stop                 a token, or several: a text ends after it, and in a batch it is repeated until all have ended.
                             For a text also strings: it ends before the first of them
        seed                 draws from a generator of its own, and so the same again; else from minigrad's (mg.seed)
        stream               a function to be called with each new token, (N,) for a batch, or piece of text; or True: then
                             an iterator of these comes back instead
        use_cache            False computes the whole text again for each token: the same numbers to rounding, slowly
        ValueError for an empty prompt, one of ids that are none, or of too many; and for settings out of their range.
        """
        as_text = isinstance(prompt, str)
        ids = self._prompt_ids(prompt)
        one = ids.ndim == 1
        ids = ids[None] if one else ids
        choice = Choice(temperature, top_k, top_p, repetition_penalty, seed)
        self._check_room(ids, positive(max_new_tokens, "generate", "max_new_tokens"))
        tokens, strings = self._stops(stop, as_text)
        steps = self._tokens(ids, max_new_tokens, choice, tokens, use_cache)
        pieces = (_texts(self.tokenizer, list(ids[0]), (int(step[0]) for step in steps), tokens, strings) if as_text
                  else (int(step[0]) if one else step for step in steps))
        if stream is True:
            return pieces
        written = []
        for piece in pieces:
            written.append(piece)
            if stream is not None:
                stream(piece)
        if as_text:
            return prompt + "".join(written)
        return np.concatenate([ids, np.array(written).reshape(len(written), -1).T], axis=1)[0 if one else slice(None)]

    def _tokens(self, ids, count, choice, stop, use_cache):
        """An iterator of new tokens (N,)."""
        cache = KeyValueCache(len(self.blocks), ids.shape[1] + count) if use_cache else None
        ended, last = np.zeros(len(ids), bool), np.zeros(len(ids), ids.dtype)
        unread = ids
        for _ in range(count):
            with no_grad():
                logits = self(unread if use_cache else ids, cache=cache, last=True, training=False).numpy()[:, -1]
            last = np.where(ended, last, choice(logits, ids))
            ended = np.isin(last, stop)
            unread, ids = last[:, None], np.concatenate([ids, last[:, None]], axis=1)
            yield last
            if ended.all():
                return

    # ---- what comes in

    def _prompt_ids(self, prompt):
        if isinstance(prompt, str):
            if self.tokenizer is None:
                raise ValueError(f"this {type(self).__name__} has no tokenizer: set model.tokenizer, or give ids")
            prompt = self.tokenizer.encode(prompt).ids
        try:
            ids = np.asarray(prompt)
        except ValueError as error:
            raise ValueError("generate: the prompts have different lengths: generate them one by one") from error
        if ids.ndim not in (1, 2) or ids.size == 0:
            raise ValueError(f"generate: expected a prompt of at least one token, (T,) or (N, T), got shape {ids.shape}"
                             + (": the text is empty" if ids.shape == (0,) else ""))
        if ids.dtype.kind not in "iu":
            raise TypeError(f"generate: expected a text or ids, integers, got {ids.dtype}")
        if ids.min() < 0 or ids.max() >= self.vocabulary:
            wrong = ids[(ids < 0) | (ids >= self.vocabulary)][0]
            raise ValueError(f"generate: the id {wrong} is not in the vocabulary of {self.vocabulary:,} tokens")
        return ids.astype(np.int64)

    def _check_room(self, ids, count):
        if ids.shape[1] + count > self.context:
            raise ValueError(f"generate: {ids.shape[1]} tokens of the prompt and {count} new ones are more than the model's "
                             f"{self.context} positions: ask for at most {max(self.context - ids.shape[1], 0)}, or shorten "
                             "the prompt")

    def _stops(self, stop, as_text):
        """(tokens, strings)"""
        stop = [] if stop is None else [stop] if isinstance(stop, (str, int, np.integer)) else list(stop)
        strings = [s for s in stop if isinstance(s, str)]
        tokens, count = [s for s in stop if not isinstance(s, str)], self.vocabulary
        if strings and not as_text or "" in strings:
            raise ValueError("generate: stop takes ids of tokens, and for a text also strings, none of them empty")
        for token in tokens:
            if not isinstance(token, (int, np.integer)) or not 0 <= token < count:
                raise ValueError(f"generate: the stop token {token!r} is not in the vocabulary of {count:,} tokens")
        return tokens, strings


class Choice:
    """The next tokens (N,) from logits (N, V) and the ids (N, T) so far."""

    def __init__(self, temperature=0.0, top_k=None, top_p=None, repetition_penalty=1.0, seed=None):
        if not temperature >= 0 or temperature == np.inf:
            raise ValueError(f"generate: temperature must be 0 or more, got {temperature!r}")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(f"generate: top_p must be in (0, 1], got {top_p!r}")
        if not 0 < repetition_penalty < np.inf:
            raise ValueError(f"generate: repetition_penalty must be more than 0, got {repetition_penalty!r}")
        self.temperature, self.top_p, self.penalty = temperature, top_p, repetition_penalty
        self.top_k = None if top_k is None else positive(top_k, "generate", "top_k")
        self.rng = random.generator() if seed is None else np.random.default_rng(seed)

    def __call__(self, logits, ids):
        scores = self.scores(logits, ids)
        if not self.temperature:
            return scores.argmax(axis=1)
        share = np.cumsum(np.exp(scores - scores.max(axis=1, keepdims=True)), axis=1)
        return (share > self.rng.random((len(scores), 1)) * share[:, -1:]).argmax(axis=1)

    def scores(self, logits, ids):
        """The logits, in float64, after penalty, temperature, top_k and top_p: -inf for what is not drawn."""
        scores = logits.astype(np.float64)
        if self.penalty != 1:
            seen = np.take_along_axis(scores, ids, axis=1)
            np.put_along_axis(scores, ids, np.where(seen > 0, seen / self.penalty, seen * self.penalty), axis=1)
        if not self.temperature:
            return scores
        scores /= self.temperature
        if self.top_k is not None and self.top_k < scores.shape[1]:
            least = np.partition(scores, -self.top_k, axis=1)[:, -self.top_k, None]
            scores[scores < least] = -np.inf
        if self.top_p is not None:
            order = np.argsort(-scores, axis=1, kind="stable")
            p = np.exp(np.take_along_axis(scores, order, axis=1) - scores.max(axis=1, keepdims=True))
            before = np.cumsum(p, axis=1) - p  # of the likelier ones: a token stays while they have not reached top_p
            dropped = before >= self.top_p * p.sum(axis=1, keepdims=True)
            np.put_along_axis(scores, order, np.where(dropped, -np.inf, np.take_along_axis(scores, order, axis=1)), axis=1)
        return scores


def _texts(tokenizer, ids, tokens, stop_tokens, stop_strings):
    """Pieces of text, as soon as they are sure: a character may need several tokens, and a stop string must not be begun.

    Only the tokens since the piece before the last are decoded, so that a token's cost does not grow with the text; the
    piece before is there since decoders treat the first word of a text in their own way.
    """
    hold = max(map(len, stop_strings), default=1) - 1
    start, read, waiting = 0, len(ids), ""
    for token in tokens:
        if token in stop_tokens:
            break
        ids.append(token)
        before, now = tokenizer.decode(ids[start:read]), tokenizer.decode(ids[start:])
        if now.endswith("\ufffd"):
            continue
        waiting += now[len(before):]
        start, read = read, len(ids)
        ends = [i for i in map(waiting.find, stop_strings) if i >= 0]
        if ends:
            waiting = waiting[:min(ends)]
            break
        sure = len(waiting) - hold
        if sure > 0:
            yield waiting[:sure]
            waiting = waiting[sure:]
    else:
        waiting += tokenizer.decode(ids[start:])[len(tokenizer.decode(ids[start:read])):]
    if waiting:
        yield waiting
