"""Masks on their way: padding made by Embedding or Masking changes nothing that comes after."""

import numpy as np
import pytest
from layer_cases import floats

import minigrad as mg
from minigrad import functions as F
from minigrad import layers
from minigrad.layers import LayerError, mask_of

IDS = np.array([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [7, 0, 0, 0, 0]])
LENGTHS = (IDS != 0).sum(axis=1)


@pytest.mark.parametrize("body", [
    lambda: [layers.LSTM(4)], lambda: [layers.GRU(4, reset_after=False)], lambda: [layers.SimpleRNN(4, activation="elu")],
    lambda: [layers.GRU(4, return_sequences=True), layers.LSTM(3)],
    lambda: [layers.Dense(3, activation="tanh"), layers.Dropout(0.5), layers.LayerNormalization(), layers.GRU(4)],
    lambda: [layers.Activation("tanh"), layers.LeakyReLU(), layers.TimeDistributed(layers.Dense(3)), layers.LSTM(4)],
    lambda: [layers.Bidirectional(layers.LSTM(3))],
    lambda: [layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="mul"), layers.GRU(4)],
    lambda: [layers.GaussianNoise(0.3), layers.RMSNormalization(), layers.GlobalAveragePooling1D()],
    lambda: [layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)])],
])
def test_padding_changes_nothing(body):
    mg.seed(0)
    model = mg.Sequential([layers.Embedding(8, 3, mask_zero=True), *body()])
    padded = model(IDS).numpy()
    for row, ids, length in zip(padded, IDS, LENGTHS):
        np.testing.assert_allclose(row, model(ids[None, :length]).numpy()[0], rtol=1e-5, atol=1e-6)
    plain = mg.Sequential([layers.Embedding(8, 3), *model.layers[1:]])
    plain.layers[0].set_weights(model.layers[0].get_weights())
    assert not np.allclose(plain(IDS).numpy()[1:], padded[1:], atol=1e-4)


@pytest.mark.parametrize("make", [lambda: layers.MultiHeadAttention(2, 3), lambda: layers.GroupQueryAttention(3, 4, 2)])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_does_not_see_padding(make, causal):
    x, attention = layers.Embedding(8, 4, mask_zero=True)(IDS), make()
    y = attention(x, x, use_causal_mask=causal)
    assert mask_of(y) is mask_of(x)
    for i, length in enumerate(LENGTHS):
        alone = mg.Tensor(x.numpy()[i:i + 1, :length])
        np.testing.assert_allclose(y.numpy()[i, :length], attention(alone, alone, use_causal_mask=causal).numpy()[0],
                                   rtol=1e-5, atol=1e-6)


def test_masks_of_attention_say_who_sees_whom():
    layer, q, v = layers.MultiHeadAttention(1, 2), floats(2, 3, 4), floats(2, 5, 4)
    masks = {"query_mask": np.array([[True, True, False]] * 2),
             "value_mask": np.array([[True, True, True, False, True]] * 2),
             "key_mask": np.array([[True, False, True, True, True]] * 2)}
    y, scores = layer(q, v, return_attention_scores=True, use_causal_mask=True, **masks)
    seen = masks["query_mask"][:, :, None] & (masks["value_mask"] & masks["key_mask"])[:, None] & np.tri(3, 5, dtype=bool)
    assert np.array_equal(scores.numpy()[:, 0] > 0, seen)
    np.testing.assert_allclose(scores.numpy().sum(-1)[:, 0], seen.any(-1), rtol=1e-6)
    np.testing.assert_allclose(y.numpy(), layer(q, v, use_causal_mask=True, **masks).numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(LayerError, match="must be boolean"):
        layer(q, v, attention_mask=np.zeros((2, 3, 5), "float32"))
    with pytest.raises(LayerError, match="as many keys as values"):
        layer(q, v, v[:, :4])
    with pytest.raises(LayerError, match=r"expected a value of shape \(N, S, 4\)"):
        layer(q, v[..., :3])


def test_masking_is_made_of_the_numbers():
    x = np.array([[[1.0, 2], [0, 0], [0, 3]]], "float32")
    y = layers.Masking()(x)
    assert np.array_equal(y.numpy(), x) and mask_of(y).tolist() == [[True, False, True]]
    y = layers.Masking(mask_value=-1)(np.where(x == 0, -1, x).astype("float32"))
    assert mask_of(y).tolist() == [[True, False, True]] and y.numpy()[0, 1].tolist() == [0, 0]
    assert mask_of(layers.Masking(mask_value=5.0)(x)).all()


def test_who_hands_masks_on():
    x = layers.Embedding(8, 3, mask_zero=True)(IDS)
    assert np.array_equal(mask_of(x), IDS != 0) and mask_of(layers.Embedding(8, 3)(IDS)) is None
    for layer in (layers.Dense(2), layers.ReLU(), layers.Dropout(0.5), layers.BatchNormalization(), layers.Identity(),
                  layers.GRU(2, return_sequences=True), layers.UnitNormalization(), layers.SpatialDropout1D(0.5)):
        assert np.array_equal(mask_of(layer(x)), IDS != 0), layer
    for layer in (layers.Flatten(), layers.Reshape((15,)), layers.GRU(2), layers.Conv1D(2, 1), layers.Lambda(F.exp),
                  layers.GlobalAveragePooling1D(), layers.Permute((2, 1))):
        assert mask_of(layer(x)) is None, layer
    assert mask_of(F.relu(x)) is None and mask_of(x + x) is None
    y, state = layers.GRU(2, return_sequences=True, return_state=True)(x)
    assert np.array_equal(mask_of(y), IDS != 0) and mask_of(state) is None
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode=None)(x)
    assert all(np.array_equal(m, IDS != 0) for m in mask_of(both))


def test_merging_layers_join_masks():
    embedding = layers.Embedding(8, 3, mask_zero=True)
    a, b, plain = embedding(IDS), embedding(IDS[:, ::-1].copy()), layers.Embedding(8, 3)(IDS)
    either = (IDS != 0) | (IDS[:, ::-1] != 0)
    assert np.array_equal(mask_of(layers.Add()([a, b])), either)
    assert np.array_equal(mask_of(layers.Concatenate()([a, b])), either)
    assert np.array_equal(mask_of(layers.Concatenate(axis=1)([a, b])), np.concatenate([IDS != 0, IDS[:, ::-1] != 0], axis=1))
    assert np.array_equal(mask_of(layers.Concatenate(axis=1)([a, plain])), np.concatenate([IDS != 0, IDS > -1], axis=1))
    assert mask_of(layers.Multiply()([a, plain])) is None and mask_of(layers.Dot(1)([a, b])) is None


def test_softmax_with_a_mask():
    x, mask = floats(2, 4), np.array([[True, False, True, True], [False] * 4])
    y = layers.Softmax()(x, mask=mask).numpy()
    expected = np.exp(x[0, mask[0]])
    np.testing.assert_allclose(y[0, mask[0]], expected / expected.sum(), rtol=1e-5)
    assert not y[~mask].any()
    with pytest.raises(LayerError, match="does not broadcast"):
        layers.Softmax()(x, mask=mask[:, :3])
