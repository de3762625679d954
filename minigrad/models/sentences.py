"""A vector for each text: the mean of what the model gives for its tokens."""

import numpy as np

from minigrad import backend
from minigrad import functions as F
from minigrad.autograd import no_grad
from minigrad.layers.core import positive
from minigrad.tensor import as_array


def mean_pooled(y, attention_mask):
    """Σ_t m_t y_t / Σ_t m_t, (N, D), of y (N, T, D) and a mask (N, T); 0 where all is padding. Reimers & Gurevych 2019,
    "Sentence-BERT", sec. 3."""
    m = backend.beside(as_array(attention_mask), y).astype(y.dtype)[..., None]
    return F.sum(y * m, axis=1) / m.sum(axis=1).clip(1, None)


class Embeds:
    """What makes sentence embeddings of a model's last hidden states."""

    def embed(self, texts, normalize=True, batch_size=32, truncate=True):
        """An array (N, D), a vector for each text: its tokens' mean, of length 1 if `normalize`: products are then cosines.

        truncate   cut texts of more tokens than the model has positions; else they raise ValueError
        """
        positive(batch_size, "embed", "batch_size")
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"embed: expected a list of at least one text, got {texts!r}")
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of like length together: less padding
        rows = [None] * len(texts)
        with no_grad():
            for start in range(0, len(order), batch_size):
                batch = order[start:start + batch_size]
                ids, mask = self.encode([texts[i] for i in batch], truncate)
                y = mean_pooled(self(ids, attention_mask=mask, training=False), mask).numpy()
                for i, row in zip(batch, y):
                    rows[i] = row
        rows = np.stack(rows)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) if normalize else rows
