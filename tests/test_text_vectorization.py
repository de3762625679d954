"""TextVectorization: what Keras 3's documentation says of it, and scikit-learn's counts."""

import json
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataError, TextVectorization

TEXTS = ["The cat sat.", "the CAT, the dog!", "a dog?"]


def shout(text):
    return text.upper()


def letters(text):
    return list(text)


def test_numbers_by_frequency_and_ties_from_the_end_of_the_alphabet():
    v = TextVectorization().adapt(TEXTS)
    assert v.get_vocabulary() == ["", "[UNK]", "the", "dog", "cat", "sat", "a"] and v.vocabulary_size() == 7
    assert v.get_vocabulary(include_special_tokens=False) == ["the", "dog", "cat", "sat", "a"]
    ids = v(["The dog sat", "a mouse", ""])
    assert ids.dtype == "int64" and ids.tolist() == [[2, 3, 5], [6, 1, 0], [0, 0, 0]]
    assert v("the mouse").tolist() == [2, 1]


def test_max_tokens_counts_the_special_ones():
    v = TextVectorization(max_tokens=4).adapt(TEXTS)
    assert v.get_vocabulary() == ["", "[UNK]", "the", "dog"]
    assert TextVectorization(max_tokens=3, output_mode="count").adapt(TEXTS).get_vocabulary() == ["[UNK]", "the", "dog"]


def test_lengths():
    v = TextVectorization(output_sequence_length=2).adapt(TEXTS)
    assert v(["the dog sat", "a"]).tolist() == [[2, 3], [6, 0]]
    rows = TextVectorization(output_sequence_length=2, ragged=True).adapt(TEXTS)(["the dog sat", "a"])
    assert rows.dtype == object and [row.tolist() for row in rows] == [[2, 3], [6]]


def test_counts():
    vocabulary = ["the", "dog", "cat"]
    text = ["the dog the mouse", ""]
    assert TextVectorization(output_mode="count", vocabulary=vocabulary)(text).tolist() == [[1, 2, 1, 0], [0, 0, 0, 0]]
    hot = TextVectorization(6, output_mode="multi_hot", vocabulary=vocabulary, pad_to_max_tokens=True)(text)
    assert hot.dtype == "float32" and hot.tolist() == [[1, 1, 1, 0, 0, 0], [0] * 6]


def test_tf_idf():
    v = TextVectorization(output_mode="tf_idf").adapt(TEXTS)
    idf = {"the": math.log(1 + 3 / 3), "dog": math.log(1 + 3 / 3), "cat": math.log(1 + 3 / 3), "sat": math.log(1 + 3 / 2),
           "a": math.log(1 + 3 / 2)}
    expected = [2 * np.mean(list(idf.values())), 2 * idf["the"], 0, 0, idf["sat"], 0]
    np.testing.assert_allclose(v(["the the sat mouse house"])[0], expected, rtol=1e-6)


@pytest.mark.parametrize("options, tokens", [
    ({}, ["its", "a", "catdog"]), ({"standardize": "lower"}, ["it's", "a", "cat-dog!"]),
    ({"standardize": "strip_punctuation"}, ["Its", "A", "catdog"]), ({"standardize": None}, ["It's", "A", "cat-dog!"]),
    ({"split": None, "standardize": None}, ["It's A cat-dog!"]), ({"split": "character"}, list("its a catdog")),
    ({"standardize": shout}, ["IT'S", "A", "CAT-DOG!"]), ({"ngrams": 2}, ["its", "a", "catdog", "its a", "a catdog"]),
    ({"ngrams": (3,)}, ["its a catdog"])])
def test_standardize_split_ngrams(options, tokens):
    assert TextVectorization(**options).tokens("It's A cat-dog!") == tokens


def test_counts_are_scikit_learns():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    (texts, _), _ = mg.data.spam_emails(subset=True, verbose=False)
    texts = texts[:50]
    counter = text.CountVectorizer(tokenizer=str.split, token_pattern=None, preprocessor=str.lower)
    expected = counter.fit_transform(texts).toarray()
    found = TextVectorization(standardize="lower", output_mode="count").adapt(texts)
    order = [counter.vocabulary_[t] for t in found.get_vocabulary(False)]
    np.testing.assert_array_equal(found(texts)[:, 1:], expected[:, order])
    assert not found(texts)[:, 0].any() and len(order) == expected.shape[1]


@pytest.mark.parametrize("options", [{}, {"output_mode": "tf_idf", "max_tokens": 5}, {"ngrams": (1, 2), "ragged": True},
                                     {"standardize": shout, "split": letters, "output_sequence_length": 3}])
def test_saved_and_loaded(tmp_path, options):
    v = TextVectorization(**options).adapt(TEXTS)
    v.save(tmp_path / "v.json")
    again = TextVectorization.load(tmp_path / "v.json", {"shout": shout, "letters": letters})
    assert again.get_config() == v.get_config()
    for a, b in zip(again(TEXTS), v(TEXTS)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("content, words", [
    (b"{", "no TextVectorization"), (b"[]", "no TextVectorization"), (b"\xff", "no TextVectorization"),
    (json.dumps({"class_name": "Dense", "config": {}}).encode(), "describes a Dense"),
    (json.dumps({"class_name": "TextVectorization", "config": {"units": 3}}).encode(), "units"),
    (json.dumps({"class_name": "TextVectorization", "config": {"split": {"class_name": "function", "config": "eval"}}}
                ).encode(), "unknown function 'eval'")])
def test_files_that_do_not_fit(tmp_path, content, words):
    (tmp_path / "v.json").write_bytes(content)
    with pytest.raises(DataError, match=words):
        TextVectorization.load(tmp_path / "v.json")


def test_a_lambda_cannot_be_written_down(tmp_path):
    with pytest.raises(TypeError, match="has no name"):
        TextVectorization(split=lambda t: [t], vocabulary=["a"]).save(tmp_path / "v.json")
    assert not (tmp_path / "v.json").exists()


@pytest.mark.parametrize("call, words", [
    (lambda: TextVectorization(output_mode="tfidf"), "did you mean 'tf_idf'"),
    (lambda: TextVectorization(standardize="lowr"), "did you mean 'lower'"),
    (lambda: TextVectorization(max_tokens=2), "wrong max_tokens"), (lambda: TextVectorization(ngrams=0), "wrong ngrams"),
    (lambda: TextVectorization(output_mode="count", ragged=True), "output_mode='int'"),
    (lambda: TextVectorization()(["a"]), "no vocabulary yet"), (lambda: TextVectorization().adapt([]), "no texts"),
    (lambda: TextVectorization().adapt([3]), "expected str, got a int"),
    (lambda: TextVectorization(vocabulary=["a", "b", "a"]), "twice"),
    (lambda: TextVectorization(3, vocabulary=["a", "b"]), "too many tokens"),
    (lambda: TextVectorization(output_mode="tf_idf", vocabulary=["a"]), "idf_weights"),
    (lambda: TextVectorization(output_mode="tf_idf", vocabulary=["a"], idf_weights=[1, 2]), "do not fit")])
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_through_a_data_set_into_a_model():
    """Rows of their own lengths, in buckets, into an Embedding with a mask."""
    from minigrad import layers
    (texts, labels), _ = mg.data.spam_emails(subset=True, verbose=False)
    v = TextVectorization(50, output_sequence_length=30, ragged=True).adapt(mg.data.Dataset((texts[:64], labels[:64])))
    data = mg.data.Dataset((v(texts[:64]), labels[:64, None].astype("float32"))).shuffle(0).bucket_by_length([10, 20], 16)
    assert {x.shape[1] <= 30 for x, _ in data} == {True}
    model = mg.Sequential([layers.Embedding(50, 4, mask_zero=True), layers.GRU(3), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()
