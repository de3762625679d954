"""A table with missing values, cleaned and learned by one pipeline of scikit-learn that ends in minigrad.

    python examples/tabular.py [--knock-out 0.15] [--folds 5] [--limit N] ...

The species of 344 penguins from where they live, their sex and four measures, some of which are missing; more are
knocked out at random. A grid search chooses the network; a logistic regression and a forest are the rivals. The output
folder then holds learning_curves.png, roc.png, confusion_matrix.png, settings.png (the grid), importance.png and report.txt.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from lenet import positive
from rich.console import Console
from rich.text import Text

import minigrad as mg
from minigrad.inspect import importance, plots
from minigrad.inspect.tables import new_table


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--knock-out", type=share, default=0.15, help="the share of all cells that is made missing")
    parser.add_argument("--epochs", type=positive, default=60, help="times through the data")
    parser.add_argument("--batch-size", type=positive, default=32, help="penguins to a step")
    parser.add_argument("--optimizer", choices=("adam", "adamw", "sgd"), default="adam")
    parser.add_argument("--folds", type=positive, default=5, help="of the cross-validation, 2 or more")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")
    parser.add_argument("--output", type=Path, default=Path("outputs/tabular"), help="the folder for results")
    parser.add_argument("--limit", type=positive, help="take only N penguins, drawn at random")
    return parser.parse_args(argv)


def share(text):
    """A number of 0 or more and less than 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, got {text!r}")
    return value


def load(options):
    """The table, and its x (N, D) with more cells missing."""
    table = mg.data.penguins()
    rng = np.random.default_rng(options.seed)
    x = table.x.copy()
    x[rng.random(x.shape) < options.knock_out] = np.nan
    rows = rng.permutation(len(x))[:options.limit]
    return table, x[rows], table.y[rows]


def pipeline(table, model):
    """Fill gaps, scale numbers, encode texts, and then the model: all of it is fitted to training parts alone."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    clean = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), table.where(*table.numbers)),
        ("texts", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
         table.where(*table.texts))], sparse_threshold=0)
    return Pipeline([("clean", clean), ("model", model)])


def main(argv=None):
    options = arguments_of(argv)
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    console = Console()
    options.output.mkdir(parents=True, exist_ok=True)
    table, x, y = load(options)
    gaps = sum(value != value for value in x.reshape(-1))
    console.print(Text(f"{table!r}\n\n{len(x)} of them are taken; {gaps} of {x.size} cells are missing\n"))
    x_train, x_test, y_train, y_test = mg.data.train_test_split(x, y, test_size=0.25, stratify=y, seed=options.seed)

    network = mg.MinigradClassifier(optimizer=options.optimizer, epochs=options.epochs, batch_size=options.batch_size,
                                    validation_split=0.15, random_state=options.seed, dtype="float32")
    rivals = {
        "minigrad": (network, {"model__hidden_layer_sizes": [(16,), (32, 16)], "model__learning_rate": [0.003, 0.01]}),
        "logistic regression": (LogisticRegression(max_iter=1000), {"model__C": [0.1, 1.0, 10.0]}),
        "random forest": (RandomForestClassifier(random_state=options.seed), {"model__max_depth": [3, None]}),
    }
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=options.seed)
    scores = new_table("accuracy, of the best settings")
    for column, side in (("model", "left"), ("settings", "left"), ("cross-validation", "right"), ("test", "right"),
                         ("log loss", "right"), ("seconds", "right")):
        scores.add_column(column, justify=side)
    searches = {}
    for name, (model, grid) in rivals.items():
        start = time.perf_counter()
        search = searches[name] = GridSearchCV(pipeline(table, model), grid, cv=folds).fit(x_train, y_train)
        spread = search.cv_results_["std_test_score"][search.best_index_]
        scores.add_row(name, settings(search.best_params_), f"{search.best_score_:.3f} ± {spread:.3f}",
                       f"{search.score(x_test, y_test):.3f}", f"{log_loss(y_test, search.predict_proba(x_test)):.3f}",
                       f"{time.perf_counter() - start:.1f}")
    console.print(scores)

    search, folder, names = searches["minigrad"], options.output, table.class_names
    probabilities = search.predict_proba(x_test)
    report = mg.metrics.classification_report(y_test, probabilities, names)
    console.print("", report, "", sep="\n")
    weighed = permutation_importance(search, x_test, y_test, n_repeats=20, random_state=options.seed)
    order = np.argsort(-weighed.importances_mean)
    results = search.cv_results_
    pictures = {
        "learning_curves": plots.learning_curves(search.best_estimator_["model"].history_),
        "roc": plots.roc_curve(y_test, probabilities, names),
        "confusion_matrix": plots.confusion_matrix(report.matrix, names),
        "settings": importance.bars(*(dict(zip(map(settings, results["params"]), results[f"{what}_test_score"]))
                                      for what in ("mean", "std")), "minigrad: the settings that were tried",
                                    f"accuracy in {options.folds} folds, ± standard deviation"),
        "importance": importance.bars(*({table.names[i]: values[i] for i in order} for values in
                                        (weighed.importances_mean, weighed.importances_std)),
                                      "what a column is worth", "accuracy lost on the test part, its cells shuffled"),
    }
    for name, picture in pictures.items():
        plots.save(picture, folder / f"{name}.png")
    with open(folder / "report.txt", "w", encoding="utf-8") as file:
        Console(file=file, width=100).print(scores, "", report, sep="\n")
    console.print(f"test accuracy {report.accuracy:.4f}")
    console.print(Text(f"results are in {folder}/"))
    return 0


def settings(parameters):
    """A row of a grid in words."""
    return ", ".join(f"{name.removeprefix('model__').replace('_', ' ')} {value}" for name, value in parameters.items())


if __name__ == "__main__":
    sys.exit(main())
