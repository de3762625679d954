"""scikit-learn's estimators around a model: for Pipeline, GridSearchCV, cross_val_score and the rest of it.

    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    classifier = make_pipeline(StandardScaler(), mg.MinigradClassifier(hidden_layer_sizes=(64,), random_state=0))
    classifier.fit(x_train, y_train).score(x_test, y_test)

This file alone imports scikit-learn, and is imported when one of its classes is asked for.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from minigrad import layers, losses, optimizers, random
from minigrad.formats.models import clone_model, contents, from_contents, packed, unpacked
from minigrad.tensor import default_dtype
from minigrad.training import Functional, Model, Sequential


class _Estimator(BaseEstimator):
    """What both have in common. The arguments are kept as they are given:

    model               a function (number of features, number of outputs) -> Model; or a Model, of which each fit takes a
                        clone with new weights; or None: hidden Dense layers and one for the output
    hidden_layer_sizes  units of the hidden layers, and their activation, if there is no model
    optimizer           a name or an Optimizer (each fit takes one with the same arguments); learning_rate, if not its own
    epochs, batch_size  as of fit; "auto" is 200 examples, or all if there are fewer
    shuffle, validation_split, callbacks, verbose   as of fit
    warm_start          whether fit goes on from the weights that there are
    random_state        an integer, or a RandomState, for weights, shuffling and dropout
    dtype               of the numbers: "float64" as elsewhere in scikit-learn, or "float32", which is faster

    Fitted: model_, n_features_in_, history_ ({name: results of each epoch} of the latest fit).
    sample_weight: the loss of a step is Σ w L / Σ w, so that in one batch a weight of 2 is the same as a repetition.
    Pickled, a model is bytes: what `save` writes.
    """

    def __init__(self, model=None, hidden_layer_sizes=(100,), activation="relu", optimizer="adam", learning_rate=None,
                 epochs=100, batch_size="auto", shuffle=True, validation_split=0.0, callbacks=None, warm_start=False,
                 random_state=None, verbose=0, dtype="float64"):
        self.model, self.hidden_layer_sizes, self.activation = model, hidden_layer_sizes, activation
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.epochs, self.batch_size, self.shuffle, self.validation_split = epochs, batch_size, shuffle, validation_split
        self.callbacks, self.warm_start, self.random_state, self.verbose = callbacks, warm_start, random_state, verbose
        self.dtype = dtype

    def fit(self, X, y, sample_weight=None):
        """Train on X (examples, features) and y; sample_weight: a number of 0 or more for each example."""
        again = self.warm_start and hasattr(self, "model_")
        X, y = self._checked(X, y, reset=not again)
        if not again:
            self._learn_targets(y)
        return self._train(X, y, sample_weight, again, self.epochs)

    def _partial_fit(self, X, y, sample_weight, learn_targets):
        again = hasattr(self, "model_")
        X, y = self._checked(X, y, reset=not again)
        if not again:
            learn_targets(y)
        return self._train(X, y, sample_weight, again, 1)

    def _train(self, X, y, sample_weight, again, epochs):
        targets = self._targets(y)
        weights = self._weights(X, y, sample_weight)
        if weights is not None:  # the others count nowhere, not even as rows of a batch
            X, targets, weights = X[weights > 0], targets[weights > 0], weights[weights > 0]
            self._refuse(targets)
        if not again:
            self._generator = np.random.default_rng(check_random_state(self.random_state).randint(2 ** 31, size=4))
        with random.using({np: self._generator}), default_dtype(self.dtype):
            if not again:
                self.model_ = self._new_model(self.n_features_in_, self._outputs())
                self._compile()
            batch_size = min(200, len(X)) if isinstance(self.batch_size, str) else self.batch_size
            history = self.model_.fit(X, targets, epochs=epochs, batch_size=batch_size, shuffle=self.shuffle,
                                      validation_split=self.validation_split, callbacks=self.callbacks,
                                      verbose=self.verbose, sample_weight=weights)
        self.history_ = history.history
        return self

    def _new_model(self, features, outputs):
        if isinstance(self.model, Model):
            model = clone_model(self.model)
        elif self.model is not None:
            model = self.model(features, outputs)
            if not isinstance(model, Model):
                raise TypeError(f"model({features}, {outputs}) must give a minigrad Model, it gave a {type(model).__name__}")
        else:
            hidden = [layers.Dense(units, self.activation) for units in self.hidden_layer_sizes]
            model = Sequential([layers.Input((features,)), *hidden, layers.Dense(outputs, self._last_activation)])
        return model

    def _compile(self):
        optimizer = optimizers.get(self.optimizer)
        optimizer = type(optimizer).from_config(optimizer.get_config())
        if self.learning_rate is not None:
            optimizer.learning_rate = self.learning_rate
        self.model_.compile(optimizer, self._loss())

    def _weights(self, X, y, sample_weight):
        return None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=self.dtype,
                                                                       ensure_non_negative=True)

    def _refuse(self, targets):
        if not len(targets):
            raise ValueError("all of sample_weight is 0: nothing is left to train on")

    def _raw(self, X):
        """The model's outputs for X."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=self.dtype)
        with default_dtype(self.dtype):
            return self.model_.predict(X)

    # ---- pickling

    def __getstate__(self):
        state = super().__getstate__().copy()
        for name in ("model", "model_"):
            if isinstance(state.get(name), Model):
                state[name] = _Packed(state[name])
        return state

    def __setstate__(self, state):
        super().__setstate__({name: value.model() if isinstance(value, _Packed) else value for name, value in state.items()})


class _Packed:
    """A model as the bytes that `save` writes, and the classes in it that are not minigrad's."""

    def __init__(self, model):
        self.content, self.dtype = packed(contents(model)), str(next(iter(model.parameters()), np.zeros(0, "f4")).dtype)
        self.classes = {}
        for _, layer in model.named_layers():
            cls = type(layer)
            if isinstance(layer, Functional) and cls.__mro__[1].__name__ == cls.__name__:
                cls = cls.__mro__[1]  # the user's class, of which Model made one of functional models
            if cls.__module__.partition(".")[0] != "minigrad":
                self.classes[cls.__name__] = cls

    def model(self):
        """The model."""
        with default_dtype(self.dtype):
            return from_contents(lambda: unpacked(self.content), "the pickled estimator", None, self.classes)


class MinigradClassifier(ClassifierMixin, _Estimator):
    """A classifier: `classes_`, and predict_proba from a softmax (or from the sigmoid of one output), by cross-entropy.

    class_weight        {class: weight} or "balanced": the weights of examples are multiplied by it
    """

    _last_activation = "softmax"

    def __init__(self, model=None, hidden_layer_sizes=(100,), activation="relu", optimizer="adam", learning_rate=None,
                 epochs=100, batch_size="auto", shuffle=True, validation_split=0.0, callbacks=None, warm_start=False,
                 random_state=None, verbose=0, dtype="float64", class_weight=None):
        super().__init__(model, hidden_layer_sizes, activation, optimizer, learning_rate, epochs, batch_size, shuffle,
                         validation_split, callbacks, warm_start, random_state, verbose, dtype)
        self.class_weight = class_weight

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One epoch; the first call needs all classes."""
        def learn(y):
            if classes is None:
                raise ValueError("the first call of partial_fit needs classes, all that there will be")
            self._learn_targets(classes)
        return self._partial_fit(X, y, sample_weight, learn)

    def predict_proba(self, X):
        """The probability of each class, (examples, classes)."""
        p = self._raw(X)
        return np.hstack([1 - p, p]) if p.shape[-1] == 1 else p

    def predict(self, X):
        """The most probable class of each example."""
        p = self.predict_proba(X)
        return self.classes_[p.argmax(axis=1)]

    def _checked(self, X, y, reset):
        X, y = validate_data(self, X, y, reset=reset, dtype=self.dtype)
        check_classification_targets(y)
        return X, column_or_1d(y, warn=True)

    def _learn_targets(self, y):
        self.classes_ = np.unique(y)
        self._refuse(self.classes_)

    def _refuse(self, targets):
        super()._refuse(targets)
        if len(np.unique(targets)) < 2 and not hasattr(self, "model_"):
            raise ValueError(f"{type(self).__name__} needs two classes or more, and there is only one class in y"
                             " (of weight above 0)")

    def _targets(self, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes that were not there in the first fit: {unknown}; there are {self.classes_}")
        return np.searchsorted(self.classes_, y)

    def _weights(self, X, y, sample_weight):
        weights = super()._weights(X, y, sample_weight)
        if self.class_weight is None:
            return weights
        of_class = compute_sample_weight(self.class_weight, y).astype(self.dtype)
        return of_class if weights is None else of_class * weights

    def _outputs(self):
        return len(self.classes_)

    def _loss(self):
        outputs = self.model_(np.zeros((0, self.n_features_in_), self.dtype)).shape[-1]
        cls = losses.BinaryCrossentropy if outputs == 1 else losses.SparseCategoricalCrossentropy
        return cls(reduction="mean_with_sample_weight")


class MinigradRegressor(RegressorMixin, _Estimator):
    """A regressor of one number, or of several (y of two axes), by squared error.
    """

    _last_activation = None

    def partial_fit(self, X, y, sample_weight=None):
        """One epoch."""
        return self._partial_fit(X, y, sample_weight, self._learn_targets)

    def predict(self, X):
        """The numbers, in the form of y."""
        y = self._raw(X)
        return y[:, 0] if self._flat else y

    def _checked(self, X, y, reset):
        return validate_data(self, X, y, reset=reset, dtype=self.dtype, multi_output=True, y_numeric=True)

    def _learn_targets(self, y):
        self._flat, self.n_outputs_ = y.ndim == 1, 1 if y.ndim == 1 else y.shape[1]

    def _targets(self, y):
        return y.reshape(len(y), -1).astype(self.dtype)

    def _outputs(self):
        return self.n_outputs_

    def _loss(self):
        return losses.MeanSquaredError(reduction="mean_with_sample_weight")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


for _cls in MinigradClassifier, MinigradRegressor:
    _cls.__doc__ = _cls.__doc__.rstrip() + "\n" + _Estimator.__doc__.partition("as they are given:\n\n")[2]
