"""Model: a layer that can be compiled, trained, evaluated and asked."""

import inspect

import numpy as np

from minigrad import backend, losses, metrics, optimizers, parallel
from minigrad.autograd import no_grad
from minigrad.callbacks import CallbackList
from minigrad.layers.layer import Layer
from minigrad.names import checked_choice
from minigrad.threads import one_blas_thread
from minigrad.training.checks import is_mean_over_rows, positive, states_kept
from minigrad.training.feed import Rows, feed_of, split, validation_feed
from minigrad.training.loop import Loop
from minigrad.training.objective import SeveralLosses, loss_of
from minigrad.training.on_batch import OnBatch
from minigrad.transforms.trees import filled, leaves, map_leaves


class Model(OnBatch, Layer):
    """A layer with training. Subclass it: make layers in __init__, use them in `call(x)`. Or draw it:
    Model(inputs, outputs), see functional.Functional."""

    optimizer = loss = None
    metrics = ()
    stop_training = False    # set it to True in a callback to end fit
    allows_nan = False       # whether a loss that is nan ends fit quietly, see TerminateOnNaN
    _workers, _piece, _unweighted, _outputs = None, "auto", 0, ()  # the first two are of train_step, while fit runs

    functional_class = None  # of a class of models, the class of those that are drawn (bound in functional.py)

    def __init__(self, *arguments, **options):
        if {"inputs", "outputs"} & options.keys() or arguments and not isinstance(arguments[0], (str, type(None))):
            self.__class__ = Model.functional_class(type(self))
            return Model.functional_class(Model).__init__(self, *arguments, **options)
        super().__init__(*arguments, **options)

    __init__.__signature__ = inspect.signature(Layer.__init__)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from what get_config gave, see Layer.from_config."""
        if {"inputs", "calls", "outputs"} <= config.keys():
            return Model.functional_class(cls).from_config(config, custom_objects)
        return super().from_config(config, custom_objects)

    def get_layer(self, name=None, index=None):
        """The layer of that name, or at that place among its layers."""
        if (name is None) == (index is None):
            raise ValueError("get_layer takes a name or an index")
        if index is not None:
            found = getattr(self, "layers", None) or list(self._layers.values())
            if not -len(found) <= index < len(found):
                raise ValueError(f"there is no layer {index}: the model has {len(found)} layers")
            return found[index]
        return self._layers[checked_choice(name, self._layers, "layer")]

    def compile(self, optimizer="adam", loss=None, metrics=(), weighted_metrics=(), loss_weights=None):
        """Choose how to train: by name or as objects.

        optimizer         "sgd", "adam", "adamw" ... or an Optimizer
        loss              "sparse_categorical_crossentropy", "mse" ... or a callable (y_true, y_pred) -> Tensor
        metrics           a list of "accuracy", "precision", "recall", "f1" ... or Metrics; weighted_metrics are those
                          that take sample_weight and class_weight into account
        A model of several outputs, a list or dict of them, has a list or dict of losses, and of metrics; it learns from the
        sum of its losses, each times its entry in loss_weights. Results are called "output_0_loss", "output_0_accuracy" ...
        """
        optimizer = optimizers.get(optimizer)
        if isinstance(loss, (list, tuple, dict)):
            loss = SeveralLosses(loss, loss_weights, getattr(self, "output_names", None))
            chosen = [loss.metrics(metrics or {}), loss.mean_losses(), loss.metrics(weighted_metrics or {})]
        elif loss_weights is not None:
            raise ValueError("loss_weights are for a model of several outputs: give loss as a list or dict too")
        else:
            loss = None if loss is None else losses.get(loss)
            chosen = [[_metric(m) for m in ([given] if isinstance(given, str) else given or ())]
                      for given in (metrics, weighted_metrics)]
            chosen = [(found, [None] * len(found)) for found in chosen]
        self.optimizer, self.loss = optimizer, loss  # at once, so that a wrong name changes nothing
        self.metrics, self._outputs = (sum(parts, []) for parts in zip(*chosen))
        self._optimizes_all, self._unweighted = not optimizer.parameters, len(chosen[0][0])

    @one_blas_thread
    def fit(self, x, y=None, epochs=1, batch_size=32, validation_data=None, validation_split=0.0, shuffle=True,
            verbose="auto", workers="auto", piece="auto", callbacks=None, initial_epoch=0, class_weight=None,
            sample_weight=None, steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1):
        """Train on inputs x and targets y (arrays with a row for each example); returns a History.

        x                 an array; or a tuple, list or dict of arrays, if the model takes several inputs; or any iterable
                          that gives batches (x, y) or (x, y, sample_weight), without y and batch_size then
        epochs            how many times through the data; initial_epoch is what counting begins with
        batch_size        examples to a step; the last step of an epoch takes what is left
        steps_per_epoch   steps to an epoch, if not as many as there are batches; an iterable goes on in the next epoch
        validation_data   (x, y) or (x, y, sample_weight), or an iterable, to evaluate after each epoch; or
                          validation_split, the share of the last examples to set aside for that
        validation_freq   after every how many epochs; or after which ones, a list of numbers that count from 1
        validation_steps, validation_batch_size   as steps_per_epoch and batch_size (which it is unless given)
        class_weight      {class: weight}: the losses of these classes' examples are multiplied by it, others by 1
        sample_weight     a weight for each example: L = Σ wᵢ Lᵢ / N
        shuffle           whether each epoch takes the examples in a new order (from mg.seed)
        callbacks         a list, see minigrad.callbacks
        verbose           0 nothing; 1 a progress bar; 2 a line an epoch; "auto" 1 on a terminal or in Jupyter, else 2
        workers, piece    threads that share each batch ("auto": one for each core; None: the whole batch at once, as in
                          a loop by hand), and rows to a piece of it ("auto": as many as fit the cache): the same step to
                          rounding, see parallel.step. A batch stays whole if the loss is not a mean over its rows (this is
                          tried out), if a layer `needs_whole_batch`, and on a GPU

        Ctrl-C ends it after the step that is running: fit returns, with the history of the epochs that were completed.
        """
        self._need_compiled("fit")
        positive(epochs, "epochs"), positive(batch_size, "batch_size")
        data = feed_of(x, y, sample_weight, batch_size, shuffle, steps_per_epoch, class_weight)
        own_size = batch_size if validation_batch_size is None else validation_batch_size
        positive(own_size, "validation_batch_size")
        if validation_data is not None:
            validation_data = validation_feed(validation_data, own_size, validation_steps)
        elif validation_split:
            data, validation_data = split(data, validation_split, own_size, validation_steps)
        for feed in [data] + [validation_data] * (validation_data is not None):
            self._rehearse(feed)
        self._workers, self._piece = self._shared(*data.first()[:2], workers, piece)
        try:
            loop = Loop(self, data, validation_data, epochs, initial_epoch, callbacks, verbose, workers, validation_freq)
            self.history = loop.history
            loop.run()
        finally:
            del self._workers, self._piece
        return self.history

    def _shared(self, x, y, workers, piece):
        """(workers, piece) for train_step, from those that fit was given; (None, piece) where a batch has to stay whole."""
        parallel.count_workers(workers)
        if (workers is None or any(layer.needs_whole_batch for _, layer in self.named_layers())
                or any(p.device != "cpu" for p in self.parameters())):
            return None, piece
        few = map_leaves(lambda a: a[:16], x), map_leaves(lambda a: a[:16], y)
        with no_grad():
            prediction = self(self.as_inputs(few[0]), training=False)
        if not is_mean_over_rows(self._loss, few[1], prediction) or not getattr(self.loss, "is_mean_over_rows", True):
            return None, piece
        if piece == "auto":
            piece = parallel.rows_of_a_piece(self._of_rows((x, y, None))[0], *_arrays((x, y)))
        return workers, piece

    def _rehearse(self, feed):
        """Evaluate the two rows with the smallest and the largest target: what cannot work (a shape, a class that does
        not exist) fails here, before anything has changed."""
        columns = feed.columns if isinstance(feed, Rows) else feed.first()
        extremes = [int(i) // (y.size // len(y)) for y in _arrays(columns[1])
                    for i in ((0, -1) if isinstance(y, np.memmap) else (y.argmin(), y.argmax()))]
        columns = [map_leaves(lambda a: a[extremes], column) for column in columns]
        with states_kept(self):
            self._evaluate(Rows(columns, len(extremes)))

    def train_step(self, x, y, sample_weight=None):
        """One step on a batch: forward, loss, backward, update. Returns (the loss as a number, the predictions).

        Override it for training of your own; it may give a dict of numbers instead, which become the results:

            class Twice(mg.Sequential):
                def train_step(self, x, y):
                    loss, prediction = self.training_loss(x, y)
                    (2 * loss).backward()
                    self.optimizer.step()
                    self.optimizer.zero_grad()
                    return {"loss": loss.item()}

        The optimizer has this model's parameters by then. Optimizers that are attributes of the model are part of a backup.
        """
        function, form = self._of_rows((x, y, sample_weight))
        loss, *parts = parallel.step(function, *_arrays((x, y, sample_weight)), workers=self._workers, piece=self._piece)
        value = loss.item() / (self.optimizer.loss_scale_factor or 1)
        try:
            self.give_parameters()
            if not np.isfinite(value) and not self.allows_nan:
                raise FloatingPointError(
                    f"the loss became {value} at step {self.optimizer.iterations + 1}: the learning rate "
                    f"({self.optimizer.learning_rate:g}) may be too high, or the inputs too large")
        except Exception:
            self.zero_grad()
            raise
        if np.isfinite(value):
            self.optimizer.step()
        self.optimizer.zero_grad()
        return value, filled(form[0], parts)

    def _of_rows(self, columns):
        """(training_loss as a function of arrays, which gives the loss and arrays; a list for the predictions' form)"""
        form = []

        def function(*arrays):
            loss, prediction = self.training_loss(*[c for c in filled(columns, arrays) if c is not None])
            loss = self.optimizer.scale_loss(loss)
            form[:] = [map_leaves(lambda y: 0, prediction)]
            return (loss, *_arrays(prediction))

        return function, form

    def training_loss(self, x, y, sample_weight=None):
        """(the loss, the predictions) of a batch in training mode: what train_step, parallel.step and tune call."""
        prediction = self(self.as_inputs(x), training=True)
        return sum(self.losses, self._loss(y, prediction, sample_weight)), prediction

    def _loss(self, y, prediction, sample_weight=None):
        return loss_of(self.loss, y, prediction, sample_weight)

    def as_inputs(self, x):
        """x as Tensors, if it is a tuple, list or dict of several inputs."""
        return map_leaves(self._as_input, x) if isinstance(x, (tuple, list, dict)) else x

    def give_parameters(self):
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

    @one_blas_thread
    def evaluate(self, x, y=None, batch_size=256, verbose=0, return_dict=True, workers="auto", piece="auto",
                 sample_weight=None, callbacks=None, steps=None):
        """The loss and the metrics on (x, y), as a dict (or a list, with return_dict=False); x, y and workers as in fit."""
        self._need_compiled("evaluate")
        positive(batch_size, "batch_size")
        feed = feed_of(x, y, sample_weight, batch_size, steps=steps)
        results = self._evaluate(feed, workers, piece, CallbackList(callbacks, self))
        if verbose:
            print("  ".join(f"{name} {value:.4f}" for name, value in results.items() if isinstance(value, float)))
        return results if return_dict else list(results.values())

    def _evaluate(self, feed, workers=None, piece="auto", callbacks=None):
        callbacks = callbacks or CallbackList()
        self.reset_metrics()
        total, rows = 0.0, 0
        callbacks.on_test_begin({})
        for i, (x, y, sample_weight) in enumerate(feed.batches()):
            callbacks.on_test_batch_begin(i, {})
            if i == 0 and workers is not None and self._adds_losses(x):
                workers = None  # what layers add to the loss is known in the thread that called them
            prediction, n = self._predicted(x, workers, piece), len(_arrays(x)[0])
            with no_grad():
                loss = sum(self.losses, self._loss(y, prediction, sample_weight))
                total, rows = total + loss.item() * n, rows + n
                self.update_metrics(y, prediction, sample_weight)
            listened = callbacks.listens("on_test_batch_end")
            callbacks.on_test_batch_end(i, {"loss": total / rows} | self.metric_results() if listened else {})
        results = {"loss": total / rows} | self.metric_results()
        callbacks.on_test_end(results)
        return results

    @one_blas_thread
    def predict(self, x, batch_size=256, workers="auto", piece="auto", callbacks=None, steps=None,
                verbose="auto"):
        """The model's outputs for x, as one NumPy array (or a tuple or dict of them); x and workers as in fit. It prints
        nothing, whatever `verbose`, which Keras's programs pass."""
        positive(batch_size, "batch_size")
        feed, found, callbacks = feed_of(x, None, None, batch_size, steps=steps, needs_targets=False), [], CallbackList(
            callbacks, self)
        callbacks.on_predict_begin({})
        for i, (x, *_) in enumerate(feed.batches()):
            callbacks.on_predict_batch_begin(i, {})
            found.append(map_leaves(lambda y: backend.to_numpy(y), self._predicted(x, workers, piece)))
            callbacks.on_predict_batch_end(i, {"outputs": found[-1]})
        callbacks.on_predict_end({})
        return filled(found[0], [np.concatenate(parts) for parts in zip(*map(_arrays, found))])

    def _adds_losses(self, x):
        """Whether there are `losses` (regularizers, add_loss) when it is called."""
        with no_grad(), states_kept(self):
            self(self.as_inputs(map_leaves(lambda a: a[:2], x)), training=False)
        return bool(self.losses)

    def _predicted(self, x, workers, piece):
        """The predictions for a batch, in evaluation mode."""
        def call(*arrays):
            return self(self.as_inputs(filled(x, arrays)), training=False)

        return parallel.forward(call, *_arrays(x), workers=workers, piece=piece)

    def update_metrics(self, y, prediction, sample_weight=None):
        """Count a batch in all metrics."""
        for i, (metric, output) in enumerate(zip(self.metrics, self._outputs)):
            batch = y, prediction, sample_weight
            batch = batch if output is None else self.loss.part(output, *batch)
            metric.update_state(*batch[:2 if sample_weight is None or i < self._unweighted else 3])

    def metric_results(self):
        """{name: value} of all metrics."""
        return {m.name: _plain(m.result()) for m in self.metrics}

    def reset_metrics(self):
        """Start all metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def _need_compiled(self, what):
        if self.loss is None:
            raise RuntimeError(f"{what}() needs a loss: call model.compile(optimizer=..., loss=..., metrics=[...]) "
                               "first")


def _metric(m):
    return metrics.get(m)


def _plain(value):
    value = backend.to_numpy(value)
    return float(value) if value.ndim == 0 else value


def _arrays(tree):
    return [a for _, a in leaves(tree)]
