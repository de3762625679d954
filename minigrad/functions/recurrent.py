"""Recurrent networks over time: h_t = cell(x_t, h_(t-1)), with the same weights at each time.

x (N, T, D), the states (N, H). What the inputs contribute, a_t = x_t w + b, is one product of matrices for all times; the
loop over time has one small product a step, h_(t-1) u. Each network is one Function of all the a_t, whose backward is
back-propagation through time (Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It"): from the last
time to the first,
    dh_t = what arrives for the output h_t + what comes back from time t + 1.
The gates' gradients are dh_t times factors that do not depend on it: these are had for all times at once, and only the
chain of the dh_t step by step. The weights' gradients, sums over time, are one product again.
Inside of the Functions time is the first axis.

The weights are laid out as Keras's, w (D, G H) and u (H, G H) with the G gates side by side:

            gates     PyTorch's    w, u, b from PyTorch's weight_ih_l0 (G H, D), weight_hh_l0, bias_ih_l0, bias_hh_l0
    rnn     h         h            w = weight_ih.T, u = weight_hh.T, b = bias_ih + bias_hh
    lstm    i f c o   i f g o      the same
    gru     z r h     r z n        w = weight_ih.T, u = weight_hh.T, b = stack([bias_ih, bias_hh]), then in all three the
                                   first H columns exchanged with the next H
"""

import itertools

from minigrad.backend import beside, get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import where
from minigrad.functions.exponential import tanh
from minigrad.functions.products import matmul
from minigrad.functions.shapes import as_operand, concatenate, expand_dims, flip, reshape, split, stack, swapaxes, unstack
from minigrad.tensor import Tensor, as_array


class RNN(Function):
    """h = rnn(a, h0, u)          da = dh φ',   dh0 = da₁ uᵀ,   du = Σ hₜ₋₁ᵀ daₜ

    a (T, N, H), h0 (N, H), u (H, H), h (T, N, H): hₜ = φ(aₜ + hₜ₋₁ u), h₀ = h0, with φ = tanh, φ' = 1 - h², or
    φ = relu, φ' = [h > 0]. Where mask (T, N, 1) is False, hₜ = hₜ₋₁.
    Going back: daₜ = dhₜ φ'ₜ, and hₜ₋₁ gets daₜ uᵀ beside what arrives for it (or dhₜ itself, where masked).
    Elman 1990, "Finding Structure in Time".
    """

    reads = {"da": "u output", "dh0": "u output", "du": "h0 u output"}

    def forward(self, a, h0, u, activation, mask=None):
        self.activation, self.mask = activation, mask
        xp = get_array_module(a)
        h, hs = h0, []
        for t in range(len(a)):
            s = a[t] + h @ u
            h = _kept(xp.tanh(s) if activation == "tanh" else xp.maximum(s, 0), h, mask, t)
            hs.append(h)
        return xp.stack(hs)

    def backward(self, dhs):
        _, h0, u = self.inputs
        hs = self.output
        slope = _masked(1 - hs * hs if self.activation == "tanh" else (hs.data > 0).astype(hs.dtype), self.mask)
        dhs, dh0 = _through_time(dhs, [slope], u, None if self.mask is None else ~self.mask)
        da = dhs * slope
        return da, dh0, lambda: _sum_of_products(_before(hs, h0), da)


class GRU(Function):
    """h = gru(a, h0, u, b)          da = (dz, dr, dn),   du = Σ hₜ₋₁ᵀ dsₜ,   db = Σ dsₜ,   dh0 = dh₀

    a (T, N, 3H), h0 (N, H), u (H, 3H), b (3H,), h (T, N, H). With s = hₜ₋₁ u + b, each in three parts,
        z = σ(a_z + s_z),   r = σ(a_r + s_r),   n = tanh(a_n + r s_n),   hₜ = z hₜ₋₁ + (1 - z) n.
    Where mask (T, N, 1) is False, hₜ = hₜ₋₁. Going back from dhₜ to the gates' sums,
        dz = dhₜ (hₜ₋₁ - n) z (1 - z),   dn = dhₜ (1 - z) (1 - n²),   dr = dn s_n r (1 - r),
    ds = (dz, dr, dn r), and hₜ₋₁ gets dhₜ z + ds uᵀ.
    Cho et al. 2014, eq. 5-8, but with r after the product with u: Keras's reset_after=True.
    """

    reads = {x: "a h0 u b output" for x in ("da", "dh0", "du", "db")}

    def forward(self, a, h0, u, b, mask=None):
        self.mask, xp, n = mask, get_array_module(a), 2 * h0.shape[-1]
        h, hs = h0, []
        for t in range(len(a)):
            s = h @ u + b
            z, r = _parts(_sigmoid(a[t, :, :n] + s[:, :n], xp.tanh), 2)
            new = xp.tanh(a[t, :, n:] + r * s[:, n:])
            h = _kept(new + z * (h - new), h, mask, t)
            hs.append(h)
        return xp.stack(hs)

    def backward(self, dhs):
        a, h0, u, b = self.inputs
        old = _before(self.output, h0)
        (a_z, a_r, a_n), (s_z, s_r, s_n) = split(a, 3, axis=-1), split(matmul(old, u) + b, 3, axis=-1)
        z, r = _sigmoid(a_z + s_z, tanh), _sigmoid(a_r + s_r, tanh)
        n = tanh(a_n + r * s_n)
        by_z = _masked((old - n) * (z * (1 - z)), self.mask)
        by_n = _masked((1 - z) * (1 - n * n), self.mask)
        by_r = by_n * s_n * (r * (1 - r))
        dhs, dh0 = _through_time(dhs, [by_z, by_r, by_n * r], u, z if self.mask is None else where(self.mask, z, 1.0))
        ds = concatenate([dhs * by_z, dhs * by_r, dhs * (by_n * r)], axis=-1)
        return (lambda: concatenate([dhs * by_z, dhs * by_r, dhs * by_n], axis=-1), dh0,
                lambda: _sum_of_products(old, ds), ds)


class LSTM(Function):
    """h, c = lstm(a, h0, c0, u)          da = (di, df, dg, do),   dh0 = da₁ uᵀ,   dc0 = dc₁ f₁,   du = Σ hₜ₋₁ᵀ daₜ

    a (T, N, 4H), h0, c0 (N, H), u (H, 4H), h, c (T, N, H). With s = aₜ + hₜ₋₁ u in four parts,
        i = σ(s_i),   f = σ(s_f),   g = tanh(s_g),   o = σ(s_o),   cₜ = f cₜ₋₁ + i g,   hₜ = o tanh(cₜ).
    Where mask (T, N, 1) is False, both stay. Going back, cₜ acts on hₜ and on cₜ₊₁:
        dcₜ = what arrives for cₜ + dcₜ₊₁ fₜ₊₁ + dhₜ o (1 - tanh²(cₜ)),
        di = dcₜ g i (1 - i),   df = dcₜ cₜ₋₁ f (1 - f),   dg = dcₜ i (1 - g²),   do = dhₜ tanh(cₜ) o (1 - o),
    and hₜ₋₁ gets (di, df, dg, do) uᵀ.
    Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; the forget gate f: Gers, Schmidhuber & Cummins 2000.
    """

    reads = {x: "a h0 c0 u output" for x in ("da", "dh0", "dc0", "du")}

    def forward(self, a, h0, c0, u, mask=None):
        self.mask, xp = mask, get_array_module(a)
        h, c, hs, cs = h0, c0, [], []
        for t in range(len(a)):
            i, f, g, o = _parts(a[t] + h @ u, 4)
            i, f, g, o = _sigmoid(i, xp.tanh), _sigmoid(f, xp.tanh), xp.tanh(g), _sigmoid(o, xp.tanh)
            new = f * c + i * g
            h, c = _kept(o * xp.tanh(new), h, mask, t), _kept(new, c, mask, t)
            hs.append(h)
            cs.append(c)
        return xp.stack(hs), xp.stack(cs)

    def backward(self, dhs, dcs):
        (a, h0, c0, u), (hs, cs) = self.inputs, self.output
        h_old, c_old = _before(hs, h0), _before(cs, c0)
        i, f, g, o = split(a + matmul(h_old, u), 4, axis=-1)
        i, f, g, o, y = _sigmoid(i, tanh), _sigmoid(f, tanh), tanh(g), _sigmoid(o, tanh), tanh(cs)
        factors = [o * (1 - y * y), g * (i * (1 - i)), c_old * (f * (1 - f)), i * (1 - g * g), y * (o * (1 - o))]
        stays = None
        if self.mask is not None:
            factors = [where(self.mask, k, 0.0) for k in factors]
            f, stays = where(self.mask, f, 1.0), ~self.mask
        back, dh, dc, das = swapaxes(u, 0, 1), 0.0, 0.0, []
        for dh_t, dc_t, f_t, stay, c_by_h, by_i, by_f, by_g, by_o in _from_the_last(dhs, dcs, f, stays, *factors):
            dh = dh_t + dh
            dc = dc_t + dc + dh * c_by_h
            das.append(concatenate([dc * by_i, dc * by_f, dc * by_g, dh * by_o], axis=-1))
            dh, dc = _passed_on(das[-1], back, dh, stay), dc * f_t
        da = stack(das[::-1])
        return da, dh, dc, lambda: _sum_of_products(h_old, da)


def _through_time(dhs, factors, u, keep):
    """(dhₜ in full for each time, dh₀), where hₜ passes (dhₜ k for each gate's factor k) uᵀ + dhₜ keepₜ on to hₜ₋₁."""
    back, dh, full = swapaxes(u, 0, 1), 0.0, []
    for dh_t, keep_t, *ks in _from_the_last(dhs, keep, *factors):
        full.append(dh_t + dh)
        dh = _passed_on(concatenate([full[-1] * k for k in ks], axis=-1), back, full[-1], keep_t)
    return stack(full[::-1]), dh


def _passed_on(da, back, dh, keep):
    """The part of dhₜ₋₁ that comes back from time t."""
    return matmul(da, back) if keep is None else matmul(da, back) + dh * keep


def _from_the_last(*series):
    """Their values at the last time, at the one before it ...; None is None at each time."""
    return zip(*(itertools.repeat(None) if s is None else reversed(unstack(s)) for s in series))


def _before(hs, h0):
    """The state before each time: h0, h₁ ... hₜ₋₁."""
    return concatenate([expand_dims(h0, 0), hs[:-1]])


def _sum_of_products(hs, das):
    """Σ hₜᵀ daₜ over all times: one product of the rows of all times."""
    return matmul(swapaxes(reshape(hs, (-1, hs.shape[-1])), 0, 1), reshape(das, (-1, das.shape[-1])))


def _masked(factor, mask):
    return factor if mask is None else where(mask, factor, 0.0)


def _kept(new, old, mask, t):
    return new if mask is None else get_array_module(new).where(mask[t], new, old)


def _parts(s, count):
    """The gates of an array (N, count * H)."""
    h = s.shape[1] // count
    return [s[:, n * h:(n + 1) * h] for n in range(count)]


def _sigmoid(x, tanh):
    """σ(x) = 1/2 + 1/2 tanh(x/2) of an array or a Tensor, with its tanh: several times faster than 1 / (1 + exp(-x))."""
    return 0.5 + 0.5 * tanh(0.5 * x)


def rnn(x, h0, w, u, b=None, nonlinearity="tanh", go_backwards=False, mask=None):
    """h_t = tanh(x_t w + h_(t-1) u + b) for each time t; gives (all h_t (N, T, H), the last one (N, H)).

    x (N, T, D), h0 (N, H) or None (zeros), w (D, H), u (H, H), b (H,) or None.
    nonlinearity  "tanh" or "relu".
    go_backwards  run from the last time to the first; the outputs come in the order in which they were made, as in Keras
                  (flip them to have each at its own time).
    mask          boolean (N, T): where it is False, the state stays as it was, and is that time's output.
    Raises ValueError for shapes that do not agree. Derived in RNN; other layouts of the weights: at the top of recurrent.py.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    x, states, mask = _prepared("rnn", x, w, u, b, (1,), go_backwards, mask, h0=h0)
    return _outputs(RNN, _projected(x, w, b), states, u, activation=nonlinearity, mask=mask)


def lstm(x, h0, c0, w, u, b=None, go_backwards=False, mask=None):
    """i, f, g, o = σ, σ, tanh, σ of (x_t w + h_(t-1) u + b);  c_t = f c_(t-1) + i g,  h_t = o tanh(c_t).

    x (N, T, D), h0 and c0 (N, H) or None (zeros), w (D, 4H), u (H, 4H), b (4H,) or None, the gates in the order i f g o
    (Keras calls g c); the rest as in rnn. Gives (all h_t (N, T, H), the last h (N, H), the last c (N, H)). Derived in LSTM.
    """
    x, states, mask = _prepared("lstm", x, w, u, b, (4,), go_backwards, mask, h0=h0, c0=c0)
    return _outputs(LSTM, _projected(x, w, b), states, u, mask=mask)


def gru(x, h0, w, u, b=None, go_backwards=False, mask=None):
    """z, r = σ(a + s), n = tanh(a_n + r s_n) of a = x_t w + b[0], s = h_(t-1) u + b[1];  h_t = z h_(t-1) + (1 - z) n.

    x (N, T, D), h0 (N, H) or None (zeros), w (D, 3H), u (H, 3H), b (2, 3H) or None, the gates in the order z r n (Keras
    calls n h); the rest as in rnn. Gives (all h_t (N, T, H), the last one (N, H)). Derived in GRU.
    """
    x, states, mask = _prepared("gru", x, w, u, b, (2, 3), go_backwards, mask, h0=h0)
    b_input, b_state = (None, 0.0) if b is None else unstack(b)
    return _outputs(GRU, _projected(x, w, b_input), states, u, b_state, mask=mask)


def _projected(x, w, b):
    """x_t w + b, for all times in one product."""
    a = matmul(x, w)
    return a if b is None else a + b


def _outputs(network, a, states, *operands, **options):
    """(the outputs (N, T, H), *the last states) of a network; without any time there is no output, and no change."""
    if not a.shape[0]:
        return (expand_dims(states[0], 1)[:, :0], *states)
    series = network.apply(a, *states, *operands, **options)
    series = series if isinstance(series, tuple) else (series,)
    return (swapaxes(series[0], 0, 1), *(s[-1] for s in series))


def _prepared(function, x, w, u, b, gates, go_backwards, mask, **states):
    """(x (T, N, D) in the order of running, the states with zeros for None, the mask (T, N, 1)), all shapes checked."""
    x, u = as_operand(x), as_operand(u)
    n, t, d = x.shape if x.ndim == 3 else (0, 0, 0)
    h = u.shape[0] if u.ndim else 0
    width = gates[-1] * h
    shapes = {"x": (x, (n, t, d)), "w": (w, (d, width)), "u": (u, (h, width)), "b": (b, (*gates[:-1], width)),
              "mask": (mask, (n, t)), **{name: (state, (n, h)) for name, state in states.items()}}
    for name, (value, shape) in shapes.items():
        if value is not None and tuple(as_operand(value).shape) != shape:
            raise ValueError(f"{function}: x (N, T, D) and u (H, {gates[-1]}H) give N = {n}, T = {t}, D = {d}, H = {h}, so "
                             f"{name} must have shape {shape}, got {tuple(as_operand(value).shape)}")
    x = swapaxes(x, 0, 1)
    if mask is not None:
        mask = beside(as_array(mask), x)
        if mask.dtype.kind != "b":
            raise TypeError(f"{function}: the mask must be boolean, got {mask.dtype}: use .astype(bool)")
        mask = mask.T[..., None]
    if go_backwards:
        x, mask = flip(x, 0), None if mask is None else mask[::-1]
    zeros = get_array_module(as_array(x)).zeros
    return x, [Tensor.wrap(zeros((n, h), u.dtype)) if s is None else s for s in states.values()], mask
