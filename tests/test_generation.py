"""Generation: greedy and drawn, with and without a cache, streamed, stopped, and refused where it makes no sense."""

import numpy as np
import pytest
from small_models import WORDS, small, tokenizer

import minigrad as mg
from minigrad.models.generation import Choice

CAUSAL = pytest.mark.parametrize("kind", ["gpt", "llama"])
IDS = np.random.default_rng(1).integers(0, 16, (2, 3))


@pytest.fixture
def speaker():
    pytest.importorskip("tokenizers")
    model = small("gpt")
    model.tokenizer = tokenizer()
    return model


@CAUSAL
def test_greedy_is_the_likeliest_token_each_time(kind):
    model, ids = small(kind), IDS
    for _ in range(6):
        ids = np.concatenate([ids, model(ids).numpy()[:, -1:].argmax(-1)], axis=1)
    np.testing.assert_array_equal(model.generate(IDS, 6), ids)
    np.testing.assert_array_equal(model.generate(IDS[0], 6), ids[0])
    np.testing.assert_array_equal(model.generate(IDS[0].tolist(), 6), ids[0])


@CAUSAL
@pytest.mark.parametrize("options", [{}, {"temperature": 1.3, "seed": 4}, {"repetition_penalty": 1.5},
                                     {"temperature": 0.7, "top_k": 5, "top_p": 0.8, "seed": 1, "repetition_penalty": 1.2}])
def test_the_cache_changes_no_token(kind, options):
    model = small(kind)
    np.testing.assert_array_equal(model.generate(IDS, 9, **options), model.generate(IDS, 9, use_cache=False, **options))


def test_generation_does_not_train_and_leaves_the_mode():
    model = small("gpt", dropout=0.5)
    expected = model.generate(IDS, 5)
    model.train()
    np.testing.assert_array_equal(model.generate(IDS, 5), expected)
    assert model.training


def test_seeds():
    model = small("gpt")
    first = model.generate(IDS, 9, temperature=3.0, seed=7)
    np.testing.assert_array_equal(first, model.generate(IDS, 9, temperature=3.0, seed=7))
    assert (first != model.generate(IDS, 9, temperature=3.0, seed=8)).any()
    mg.seed(3)
    drawn = model.generate(IDS, 9, temperature=3.0)
    mg.seed(3)
    np.testing.assert_array_equal(drawn, model.generate(IDS, 9, temperature=3.0))


def test_tokens_are_drawn_as_often_as_they_should():
    logits = np.tile(np.log([0.5, 0.3, 0.15, 0.05]), (20000, 1))
    ids = np.zeros((20000, 1), int)

    def shares(**options):
        return np.bincount(Choice(seed=0, **options)(logits, ids), minlength=4) / 20000

    np.testing.assert_allclose(shares(temperature=1.0), [0.5, 0.3, 0.15, 0.05], atol=0.02)
    np.testing.assert_allclose(shares(temperature=1.0, top_k=2), [0.625, 0.375, 0, 0], atol=0.02)
    np.testing.assert_allclose(shares(temperature=1.0, top_p=0.81), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], atol=0.02)
    np.testing.assert_allclose(shares(temperature=1.0, top_p=0.01), [1, 0, 0, 0])
    squares = np.square([0.5, 0.3, 0.15, 0.05])
    np.testing.assert_allclose(shares(temperature=0.5), squares / squares.sum(), atol=0.02)


def test_repetition_penalty():
    choice = Choice(repetition_penalty=2.0)
    np.testing.assert_allclose(choice.scores(np.array([[4.0, -1.0, 3.0, 0.5]]), np.array([[0, 1, 0]])), [[2, -2, 3, 0.5]])


# ---- ends

def test_a_stop_token_ends_a_text():
    model = small("gpt")
    whole = model.generate(IDS, 9)
    token = whole[0, 6]
    first = 3 + int(np.argmax(whole[0, 3:] == token))
    np.testing.assert_array_equal(model.generate(IDS[0], 9, stop=token), whole[0, :first + 1])
    np.testing.assert_array_equal(model.generate(IDS[0], 9, stop=[token]), whole[0, :first + 1])
    both = model.generate(IDS, 9, stop=[int(token)])
    assert (both[0, first:] == token).all()
    np.testing.assert_array_equal(both[1], model.generate(IDS[1], 9, stop=token)[:both.shape[1]].tolist()
                                  + [token] * (both.shape[1] - len(model.generate(IDS[1], 9, stop=token))))


def test_texts(speaker):
    ids = speaker.generate([6, 3], 8)
    text = speaker.generate("the cat", 8)
    assert text == "the cat " + " ".join(WORDS[i] for i in ids[2:])
    words = text.split()
    assert speaker.generate("the cat", 8, stop=" " + words[5]) == text[:text.index(" " + words[5], len("the cat"))]
    ended = speaker.generate("the cat", 8, stop=int(ids[5]))
    position = 2 + int(np.argmax(ids[2:] == ids[5]))
    assert ended == " ".join(words[:position])


@pytest.mark.parametrize("stop", [None, "cat", "nowhere at all", ["a c", "mat"]])
def test_streams_give_the_text_in_pieces(speaker, stop):
    options = {"temperature": 5.0, "seed": 2, "stop": stop}
    text, pieces = speaker.generate("the cat", 9, **options), []
    assert speaker.generate("the cat", 9, stream=pieces.append, **options) == text
    assert "the cat" + "".join(pieces) == text and all(pieces)
    assert list(speaker.generate("the cat", 9, stream=True, **options)) == pieces
    if stop is None:
        assert len(pieces) == 9
    assert not any(s in text[len("the cat"):] for s in ([stop] if isinstance(stop, str) else stop or []))


def test_streams_of_tokens():
    model, seen = small("gpt"), []
    whole = model.generate(IDS, 4, stream=seen.append)
    np.testing.assert_array_equal(np.stack(seen, 1), whole[:, 3:])
    assert list(model.generate(IDS[0], 4, stream=True)) == whole[0, 3:].tolist()
    iterator = model.generate(IDS[0], 4, stream=True)
    assert next(iterator) == whole[0, 3]


def test_a_character_of_several_tokens_comes_whole():
    """Bytes as tokens: ä has two."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers.decoders import ByteLevel
    from tokenizers.pre_tokenizers import ByteLevel as Bytes

    from minigrad.models.generation import _texts
    alphabet = {c: i for i, c in enumerate(sorted(Bytes.alphabet()))}
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE(alphabet, []))
    bytewise.pre_tokenizer, bytewise.decoder = Bytes(add_prefix_space=False), ByteLevel()
    ids = bytewise.encode("ein Bär, 日本").ids
    assert list(_texts(bytewise, ids[:3], iter(ids[3:]), [], [])) == list(" Bär, 日本")
    assert list(_texts(bytewise, ids[:3], iter(ids[3:]), [], ["r, 日"])) == list(" Bä")
    assert "".join(_texts(bytewise, ids[:3], iter(ids[3:-1]), [], [])) == " Bär, 日\ufffd"  # cut in the middle


# ---- refusals

@pytest.mark.parametrize("prompt, options, words", [
    ([], {}, "at least one token"), (np.zeros((2, 0), int), {}, "at least one token"), ("", {}, "text is empty"),
    ([[1, 2], [3]], {}, "different lengths"), ([1.5], {}, "integers"), ([[[1]]], {}, r"\(T,\) or \(N, T\)"),
    ([3, 16], {}, "the id 16 is not in the vocabulary of 16 tokens"), ([-1], {}, "the id -1"),
    ([1, 2], {"max_new_tokens": 11}, "12 positions: ask for at most 10"), (list(range(13)), {}, "at most 0"),
    ([1], {"max_new_tokens": 0}, "max_new_tokens"), ([1], {"temperature": -1}, "temperature"),
    ([1], {"temperature": float("nan")}, "temperature"), ([1], {"top_k": 0}, "top_k"), ([1], {"top_p": 0}, "top_p"),
    ([1], {"top_p": 1.1}, "top_p"), ([1], {"repetition_penalty": 0}, "repetition_penalty"),
    ([1], {"stop": 16}, "stop token 16"), ([1], {"stop": "cat"}, "for a text also strings"), ("a", {"stop": ""}, "empty"),
    ([1], {"stop": [1.0]}, "stop token 1.0"),
])
def test_what_makes_no_sense_is_refused(prompt, options, words):
    model = small("gpt")
    if isinstance(prompt, str):
        pytest.importorskip("tokenizers")
        model.tokenizer = tokenizer()
    with pytest.raises((ValueError, TypeError), match=words):
        model.generate(prompt, **{"max_new_tokens": 3} | options)


def test_a_text_needs_a_tokenizer():
    with pytest.raises(ValueError, match="no tokenizer"):
        small("gpt").generate("a cat", 3)
