"""Transposed convolution: the gradient of a convolution by its input, used as a forward, to make large images of small ones.

Where a convolution's window reads its taps and makes one number of them, here each number is multiplied by the kernel and
added to the taps of its window. The Functions are those of convolution.py and depthwise.py, and so are the gradients.
"""

from minigrad.functions.arithmetic import add
from minigrad.functions.convolution import ConvolutionInputGradient
from minigrad.functions.depthwise import DepthwiseInputGradient, is_depthwise
from minigrad.functions.windows import Window, channels_last, paddings, per_axis


def conv_transpose1d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, data_format="NWC"):
    """conv_transpose2d along one axis: x (N, W, C), or (N, C, W) with "NCW"; w (k, O / groups, C); y (N, OW, O)."""
    return _transposed(x, w, b, stride, padding, output_padding, groups, dilation, data_format, 1)


def conv_transpose2d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, data_format="NHWC"):
    """y[n, p, :] = Σ_o,tap: o * stride + tap * dilation - padding = p  x[n, o, :] @ w[tap]ᵀ + b

    x        images (N, H, W, C), or (N, C, H, W) with data_format="NCHW" ("channels_first"); y likewise
    w, b     kernels (kh, kw, O / groups, C) in both formats (Keras's; the same array as of the convolution from y to x that
             this is the gradient of), and bias (O,) or None
    stride, dilation  n or (vertical, horizontal); a stride of s makes an image s times as large
    padding  how much is cut off: n, (v, h) or ((top, bottom), (left, right)); or Keras's "valid" (nothing is cut off, and
             OH = H * stride at least) or "same" (OH = H * stride)
    output_padding  n or (v, h): rows and columns added at the end, less than the stride or the dilation; of all sizes that
             a convolution with these arguments takes to (H, W), it chooses one
    OH = (H - 1) * stride - top - bottom + (kh - 1) * dilation + 1 + output_padding, as PyTorch's.
    dx = conv2d(dy, w), dw = the gradient by the weights of that convolution, of dy and x. Source: Dumoulin & Visin 2016, 4.
    Raises ValueError for shapes that do not agree.
    """
    return _transposed(x, w, b, stride, padding, output_padding, groups, dilation, data_format, 2)


def conv_transpose3d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, data_format="NDHWC"):
    """conv_transpose2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"; w (k, k, k, O / groups, C)."""
    return _transposed(x, w, b, stride, padding, output_padding, groups, dilation, data_format, 3)


def _transposed(x, w, b, stride, padding, output_padding, groups, dilation, data_format, axes):
    name = f"conv_transpose{axes}d"
    x, as_given = channels_last(x, data_format, axes)
    groups, = per_axis(groups, 1, "groups")
    if w.ndim != axes + 2 or w.shape[-1] != x.shape[-1] or x.shape[-1] % groups:
        raise ValueError(f"{name}: {x.shape[-1]} channels in {groups} group(s) need kernels of shape ({'k, ' * axes}"
                         f"O / {groups}, {x.shape[-1]}), {groups} dividing the channels, got {tuple(w.shape)}")
    channels = w.shape[-2] * groups
    if b is not None and tuple(b.shape) != (channels,):
        raise ValueError(f"{name}: the bias must have shape ({channels},), got {tuple(b.shape)}")
    place = _window(x.shape[1:-1], tuple(w.shape[:-2]), stride, padding, output_padding, dilation, name)
    if is_depthwise(w, groups):
        y = DepthwiseInputGradient.apply(x, w, window=place, channels=channels)
    else:
        y = ConvolutionInputGradient.apply(x, w, window=place, groups=groups)
    return as_given(y if b is None else add(y, b))


def _window(output, size, stride, padding, output_padding, dilation, name):
    """The Window of the convolution whose gradient this is: it makes `output`, our input, of `input`, our output."""
    axes = len(output)
    stride, dilation = per_axis(stride, axes, "stride"), per_axis(dilation, axes, "dilation")
    more = per_axis(output_padding, axes, "output_padding", 0)
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    if padding == "causal" or isinstance(padding, str) and any(more):
        raise ValueError(f"{name}: padding must be numbers, or 'valid' or 'same' without output_padding, got {padding!r}")
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation)):
        raise ValueError(f"{name}: output_padding {more} must be less than the stride {stride} or the dilation {dilation}")
    if isinstance(padding, str):  # no place of the H * stride may be missing, even if no window reads it
        more = [max(s - span, 0) for s, span in zip(stride, spans)]
    pads = paddings(padding, [span - s for s, span in zip(stride, spans)], spans)
    input = tuple((n - 1) * s + span - sum(p) + m for n, s, span, p, m in zip(output, stride, spans, pads, more))
    if min(input) < 1:
        raise ValueError(f"{name}: nothing is left of the output: its shape would be {input} with padding {pads}")
    return Window(size, stride, dilation, pads, input, output)
