"""Model: a layer that can be compiled, trained, evaluated and asked; Sequential: layers in a row."""

import numpy as np

from minigrad import backend, losses, metrics, optimizers, parallel, random
from minigrad.autograd import no_grad
from minigrad.layers.layer import Layer, snake_case
from minigrad.tensor import Tensor
from minigrad.training.checks import checked_inputs, checked_targets, is_mean_over_rows
from minigrad.training.history import History
from minigrad.training.progress import Progress


class Model(Layer):
    """A layer with training. Subclass it: make layers in __init__, use them in `call(x)`."""

    optimizer = loss = None
    metrics = ()
    _workers, _piece = None, "auto"  # of train_step, while fit runs

    def compile(self, optimizer="adam", loss=None, metrics=()):
        """Choose how to train: by name or as objects.

        optimizer  "sgd", "adam", "adamw" ... or an Optimizer
        loss       "sparse_categorical_crossentropy", "mse" ... or a callable (y_true, y_pred) -> Tensor
        metrics    a list of "accuracy", "precision", "recall", "f1" ... or Metrics
        """
        if isinstance(metrics, str):
            metrics = [metrics]
        chosen = optimizers.get(optimizer), None if loss is None else losses.get(loss), [_metric(m) for m in metrics]
        self.optimizer, self.loss, self.metrics = chosen  # at once, so that a wrong name changes nothing
        self._optimizes_all = not self.optimizer.parameters

    def fit(self, x, y, epochs=1, batch_size=32, validation_data=None, validation_split=0.0, shuffle=True,
            verbose="auto", workers="auto", piece="auto"):
        """Train on inputs x and targets y (arrays with a row for each example); returns a History.

        epochs            how many times through the data
        batch_size        examples to a step; the last step of an epoch takes what is left
        validation_data   (x, y) to evaluate after each epoch; or validation_split, the share of the last examples to
                          set aside for that
        shuffle           whether each epoch takes the examples in a new order (from mg.seed)
        verbose           0 nothing; 1 a progress bar; 2 a line an epoch; "auto" 1 on a terminal, else 2
        workers, piece    threads that share each batch ("auto": one for each core; None: the whole batch at once, as in
                          a loop by hand), and rows to a piece of it ("auto": as many as fit the cache): the same step to
                          rounding, see parallel.step. A batch stays whole if the loss is not a mean over its rows (this is
                          tried out), if a layer `needs_whole_batch`, and on a GPU
        """
        self._need_compiled("fit")
        x = checked_inputs(x)
        y = checked_targets(y, x)
        _positive(epochs, "epochs"), _positive(batch_size, "batch_size")
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                raise ValueError("validation_data must be a pair (x, y), got "
                                 + (f"{len(validation_data)} of them" if isinstance(validation_data, (tuple, list))
                                    else f"a {type(validation_data).__name__}"))
            validation_data = checked_inputs(validation_data[0], "validation x"), validation_data[1]
            validation_data = validation_data[0], checked_targets(validation_data[1], validation_data[0])
        elif validation_split:
            x, y, validation_data = _split(x, y, validation_split)
        for data in [(x, y)] + [validation_data] * (validation_data is not None):
            self._rehearse(*data)
        history = History()
        steps = -(-len(x) // batch_size)
        self._workers, self._piece = self._shared(x[:batch_size], y[:batch_size], workers, piece)
        try:
            with Progress(epochs, steps, verbose) as progress:
                for epoch in range(epochs):
                    progress.start(epoch)
                    order = random.generator().permutation(len(x)) if shuffle else None
                    results = self._epoch(x, y, batch_size, order, progress)
                    if validation_data is not None:
                        results |= {f"val_{name}": value for name, value in
                                    self._evaluate(*validation_data, batch_size, workers, self._piece).items()}
                    history.append(epoch, results)
                    progress.finish(results)
        finally:
            del self._workers, self._piece
        self.optimizer.finalize_variable_values()
        self.history = history
        return history

    def _shared(self, x, y, workers, piece):
        """(workers, piece) for train_step, from those that fit was given; (None, piece) where a batch has to stay whole."""
        parallel.count_workers(workers)
        if (workers is None or any(layer.needs_whole_batch for _, layer in self.named_layers())
                or any(p.device != "cpu" for p in self.parameters())):
            return None, piece
        with no_grad():
            prediction = self(x[:16], training=False)
        if not is_mean_over_rows(self._loss, y[:16], prediction) or not getattr(self.loss, "is_mean_over_rows", True):
            return None, piece
        return workers, parallel.rows_of_a_piece(self.training_loss, x, y) if piece == "auto" else piece

    def _rehearse(self, x, y):
        """Evaluate the two rows with the smallest and the largest target: what cannot work (a shape, a class that does
        not exist) fails here, before anything has changed."""
        rows = [int(y.argmin()) // (y.size // len(y)), int(y.argmax()) // (y.size // len(y))]
        self._evaluate(x[rows], y[rows], 2)

    def _epoch(self, x, y, batch_size, order, progress):
        self._reset_metrics()
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size) if order is None else order[start:start + batch_size]
            batch_x, batch_y = x[rows], y[rows]
            loss, prediction = self.train_step(batch_x, batch_y)
            total += loss * len(batch_x)
            for metric in self.metrics:
                metric.update_state(batch_y, prediction)
            progress.advance({"loss": total / min(start + batch_size, len(x))} | self._metric_results())
        return {"loss": total / len(x)} | self._metric_results()

    def train_step(self, x, y):
        """One step on a batch: forward, loss, backward, update. Returns (the loss as a number, the predictions)."""
        loss, prediction = parallel.step(self.training_loss, x, y, workers=self._workers, piece=self._piece)
        value = loss.item()
        try:
            self._give_parameters()
            if not np.isfinite(value):
                raise FloatingPointError(
                    f"the loss became {value} at step {self.optimizer.iterations + 1}: the learning rate "
                    f"({self.optimizer.learning_rate:g}) may be too high, or the inputs too large")
        except Exception:
            self.zero_grad()
            raise
        self.optimizer.step()
        self.optimizer.zero_grad()
        return value, prediction

    def training_loss(self, x, y):
        """(the loss, the predictions) of a batch in training mode: what train_step, parallel.step and tune call."""
        prediction = self(x, training=True)
        return self._loss(y, prediction), prediction

    def _loss(self, y, prediction):
        if isinstance(prediction, Tensor) and not isinstance(self.loss, losses.Loss):
            y = backend.beside(y, prediction)  # a function of the user's own computes with both
        loss = self.loss(y, prediction)
        if not isinstance(loss, Tensor) or loss.size != 1:
            got = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise TypeError(f"the loss must be one number, a Tensor computed from the predictions; {self.loss!r} gave {got}")
        return loss

    def _give_parameters(self):
        """The optimizer gets this model's parameters, unless it was made with some of them."""
        known, names = {id(p) for p in self.optimizer.parameters}, dict(self.named_parameters())
        unknown = [name for name, p in names.items() if id(p) not in known]
        if not known:
            self.optimizer.set_parameters(names.items())
        elif len(unknown) == len(names):
            raise ValueError("the optimizer has the parameters of another model: make one for each model")
        elif unknown and self._optimizes_all:
            raise ValueError(f"the model has new parameters since its first step ({', '.join(unknown)}): compile it again, "
                             "so that they are trained too")

    def evaluate(self, x, y, batch_size=256, verbose=0, return_dict=True, workers="auto", piece="auto"):
        """The loss and the metrics on (x, y), as a dict (or a list, with return_dict=False); workers as in fit."""
        self._need_compiled("evaluate")
        _positive(batch_size, "batch_size")
        x = checked_inputs(x)
        results = self._evaluate(x, checked_targets(y, x), batch_size, workers, piece)
        if verbose:
            print("  ".join(f"{name} {value:.4f}" for name, value in results.items() if isinstance(value, float)))
        return results if return_dict else list(results.values())

    def _evaluate(self, x, y, batch_size, workers=None, piece="auto"):
        self._reset_metrics()
        total = 0.0
        with no_grad():
            for start, prediction in self._predictions(x, batch_size, workers, piece):
                batch_y = y[start:start + batch_size]
                total += self._loss(batch_y, prediction).item() * len(batch_y)
                for metric in self.metrics:
                    metric.update_state(batch_y, prediction)
        return {"loss": total / len(x)} | self._metric_results()

    def predict(self, x, batch_size=256, workers="auto", piece="auto"):
        """The model's outputs for x, as one NumPy array; workers as in fit."""
        _positive(batch_size, "batch_size")
        x = checked_inputs(x)
        return np.concatenate([backend.to_numpy(p) for _, p in self._predictions(x, batch_size, workers, piece)])

    def _predictions(self, x, batch_size, workers, piece):
        """(the first row, the predictions) of each batch."""
        def call(x):
            return self(x, training=False)

        for start in range(0, len(x), batch_size):
            yield start, parallel.forward(call, x[start:start + batch_size], workers=workers, piece=piece)

    def _metric_results(self):
        return {m.name: _plain(m.result()) for m in self.metrics}

    def _reset_metrics(self):
        for metric in self.metrics:
            metric.reset_state()

    def _need_compiled(self, what):
        if self.loss is None:
            raise RuntimeError(f"{what}() needs a loss: call model.compile(optimizer=..., loss=..., metrics=[...]) "
                               "first")


class Sequential(Model):
    """Layers in a row: `Sequential([Input((28, 28, 1)), Conv2D(...), ...])`. They are called one after the other.

    Names are made from the layers' classes: "conv2d", "conv2d_1", "dense"; so parameters are called "conv2d.kernel" ...
    """

    def __init__(self, layers=(), name=None):
        super().__init__(name)
        self._names, self._shape = {}, None
        for layer in layers:
            self.add(layer)

    @property
    def layers(self):
        """The layers, in order."""
        return list(self._names.values())

    @property
    def _layers(self):
        """The layers by name, without "_names." in front; then those that a subclass assigned."""
        return self._names | {n: layer for n, layer in super()._layers.items() if not n.startswith("_names.")}

    @property
    def input_dtype(self):
        """That of the first layer."""
        return self.layers[0].input_dtype if self._names else "float32"

    def add(self, layer):
        """Put a layer (or an Input) at the end."""
        if not isinstance(layer, Layer):
            if self._names or not hasattr(layer, "shape") or callable(layer):
                raise TypeError(f"Sequential takes layers (and an Input as the first entry), got {layer!r}")
            self._shape = (None, *layer.shape)
            return
        shape = self._shape
        if not self._names:
            shape = getattr(layer, "_shape", None) or (layer.input_shape and (None, *layer.input_shape)) or shape
        base = layer.name or snake_case(type(layer).__name__)
        name = next(n for n in (base, *(f"{base}_{i}" for i in range(1, len(self._names) + 2))) if n not in self._names)
        self._names[name] = layer
        if shape is not None:
            try:
                self.build(shape)
            except Exception:
                del self._names[name]
                raise

    @property
    def built(self):
        """Whether all its layers have their parameters."""
        return all(layer.built for layer in self.layers)

    def build(self, input_shape):
        """Send an empty batch through, so that every layer sees its input's shape."""
        with no_grad():
            self(np.zeros((0, *input_shape[1:]), self.input_dtype))
        self._shape = (None, *input_shape[1:])

    def ensure_built(self, input_shape):
        """Nothing to do: its layers build themselves as they are called."""

    def call(self, x):
        y = x
        for layer in self._names.values():
            y = layer(y)
        if self._shape is None:
            self._shape = (None, *x.shape[1:])  # for summary, and for layers that are added later
        return y

    def __len__(self):
        return len(self._names)

    def __getitem__(self, i):
        return self.layers[i]


def _metric(m):
    return metrics.get(m)


def _plain(value):
    value = backend.to_numpy(value)
    return float(value) if value.ndim == 0 else value


def _positive(value, name):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")


def _split(x, y, share):
    if not 0 < share < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {share}")
    n = len(x) - int(len(x) * share)
    if n == 0 or n == len(x):
        raise ValueError(f"validation_split={share} of {len(x)} examples leaves one side empty")
    return x[:n], y[:n], (x[n:], y[n:])
