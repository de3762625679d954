"""Tell spam from ham with an Embedding and a GRU, on real e-mails, and see which words speak for it.

    python examples/spam.py [--epochs 8] [--one-way] [--limit N] ...

The output folder then holds learning_curves.png, roc.png, precision_recall.png, confusion_matrix.png, words.png (the words
that speak most for either), emails.png (two e-mails, shaded word by word), report.txt, vocabulary.json and spam.minigrad:
these two are loaded back at the end.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from lenet import positive
from rich.console import Console
from rich.text import Text

import minigrad as mg
from minigrad import callbacks, layers
from minigrad.inspect import importance, plots


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", help="the archive of the e-mails, or its folder, see mg.data.spam_emails")
    parser.add_argument("--epochs", type=positive, default=8, help="times through the data, at most")
    parser.add_argument("--batch-size", type=positive, default=32, help="e-mails to a step")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate")
    parser.add_argument("--optimizer", choices=("adam", "adamw", "sgd"), default="adam")
    parser.add_argument("--units", type=positive, default=32, help="of the GRU, in each direction")
    parser.add_argument("--one-way", action="store_true", help="a GRU in reading direction alone")
    parser.add_argument("--words", type=positive, default=10_000, help="in the vocabulary")
    parser.add_argument("--length", type=positive, default=200, help="words of an e-mail that are read")
    parser.add_argument("--seed", type=int, default=0, help="of weights and shuffling")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--output", type=Path, default=Path("outputs/spam"), help="the folder for results")
    parser.add_argument("--limit", type=positive, help="take only the first N training and N test e-mails")
    return parser.parse_args(argv)


def plain_words(text):
    """The text in lower case; addresses, numbers and long rows of one sign in one form each."""
    text = re.sub(r"(https?://|www\.)\S+", " weburl ", text.lower())
    text = re.sub(r"\S+@\S+", " emailaddress ", text)
    text = re.sub(r"\d[\d.,:]*", " number ", text)
    return " ".join(re.findall(r"[^\W\d_]+(?:'[a-z]+)?|[$!?%]", text))


def new_model(options, vocabulary):
    """Embedding, GRU, Dense: the probability of spam."""
    gru = layers.GRU(options.units)
    return mg.Sequential([
        layers.Embedding(vocabulary, 32, mask_zero=True),
        layers.SpatialDropout1D(0.2),
        gru if options.one_way else layers.Bidirectional(gru),
        layers.Dropout(0.3),
        layers.Dense(1),
        layers.Activation("sigmoid"),
    ])


def main(argv=None):
    options = arguments_of(argv)
    console = Console()
    options.output.mkdir(parents=True, exist_ok=True)
    (texts, labels), (texts_test, labels_test) = mg.data.spam_emails(options.data)
    n = options.limit
    texts, labels, texts_test, labels_test = texts[:n], labels[:n], texts_test[:n], labels_test[:n]

    mg.seed(options.seed)
    texts, texts_val, labels, labels_val = mg.data.train_test_split(texts, labels, test_size=0.15, stratify=labels, seed=0)
    vectorize = mg.data.TextVectorization(options.words, standardize=plain_words, output_sequence_length=options.length,
                                          ragged=True).adapt(texts)
    ids_test = vectorize(texts_test)
    train, validation = (buckets(vectorize(t), y, options, shuffle) for t, y, shuffle in
                         ((texts, labels, True), (texts_val, labels_val, False)))

    model = new_model(options, vectorize.vocabulary_size()).to(options.device)
    optimizer = type(mg.optimizers.get(options.optimizer))(learning_rate=options.lr, global_clipnorm=1.0)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy", "f1"])
    console.print(mg.summary(model, (options.length,)))
    history = model.fit(train, epochs=options.epochs, validation_data=validation,
                        class_weight=mg.data.class_weights(labels),
                        callbacks=[callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)])

    padded = filled(ids_test, options.length)
    probabilities = model.predict(padded)[:, 0]
    predicted = (probabilities > 0.5).astype(int)
    names = list(mg.data.SPAM_CLASSES)
    report = mg.metrics.classification_report(labels_test, predicted, names)
    console.print("", report, "", sep="\n")
    console.print(f"test accuracy {report.accuracy:.4f}, F1 of spam {report.f1[1]:.4f}, "
                  f"ROC AUC {mg.metrics.AUC()(labels_test, probabilities):.4f}")

    folder, contributions = options.output, spoken_for(model, padded)
    words = loudest(ids_test, contributions, vectorize.get_vocabulary(), least=max(3, len(padded) // 60))
    plots.save(plots.learning_curves(history.history), folder / "learning_curves.png")
    plots.save(plots.roc_curve(labels_test, probabilities), folder / "roc.png")
    plots.save(plots.precision_recall_curve(labels_test, probabilities), folder / "precision_recall.png")
    plots.save(plots.confusion_matrix(report.matrix, names), folder / "confusion_matrix.png")
    plots.save(importance.bars(words, title="what a word adds to the logit of spam",
                               xlabel="gradient · embedding, mean over its occurrences in the test e-mails"),
               folder / "words.png")
    plots.save(importance.shaded_words(examples(vectorize, texts_test, labels_test, probabilities, contributions)),
               folder / "emails.png")
    (folder / "report.txt").write_text(f"{mg.summary(model)}\n\n{report}\n", encoding="utf-8")
    vectorize.save(folder / "vocabulary.json")
    model.save(folder / "spam.minigrad")

    again = mg.models.load_model(folder / "spam.minigrad").to(options.device)
    vectorize = mg.data.TextVectorization.load(folder / "vocabulary.json", {"plain_words": plain_words})
    same = np.array_equal(again.predict(filled(vectorize(texts_test), options.length))[:, 0], probabilities)
    console.print("model and vocabulary saved, loaded again, same predictions: " + ("yes" if same else "NO"))
    console.print(Text(f"results are in {folder}/"))
    return 0 if same else 1


def buckets(ids, labels, options, shuffle):
    """Batches (N, T) of e-mails of similar length, with their labels (N, 1)."""
    data = mg.data.Dataset((ids, labels[:, None].astype("float32")))
    data = data.shuffle(seed=options.seed) if shuffle else data
    return data.bucket_by_length(range(25, options.length, 25), options.batch_size)


def filled(ids, length):
    """Rows of different lengths as one array (N, T), 0 behind their ends."""
    return np.stack([np.pad(row, (0, length - len(row))) for row in ids])


def spoken_for(model, ids, batch_size=128):
    """(N, T): what each word adds to the logit z of spam, to first order: Σ_d ∂z/∂e_d · e_d, e its embedding.

    Gradient times input: Denil, Demiraj, de Freitas 2014, "Extraction of Salient Sentences from Labelled Documents".
    """
    found = []
    for batch, in mg.data.batches(ids, batch_size):
        embedded = z = model.layers[0](mg.Tensor(batch, device=next(iter(model.parameters())).device))
        embedded.retain_grad()
        for layer in model.layers[1:-1]:  # without the sigmoid
            z = layer(z)
        z.sum().backward()
        found.append((embedded.grad.numpy() * embedded.numpy()).sum(-1))
    model.zero_grad()
    return np.concatenate(found)


def loudest(ids, contributions, vocabulary, least, count=15):
    """{word: its mean contribution}: the highest, and the lowest, of words that occur `least` times or more."""
    places = np.concatenate(list(ids)), np.concatenate([row[:len(i)] for row, i in zip(contributions, ids)])
    times, total = (np.bincount(places[0], weights, len(vocabulary)) for weights in (None, places[1]))
    mean = {vocabulary[i]: total[i] / times[i] for i in range(2, len(vocabulary)) if times[i] >= least}
    order = sorted(mean, key=mean.get, reverse=True)
    return {word: mean[word] for word in dict.fromkeys([*order[:count], *order[-count:]])}


def examples(vectorize, texts, labels, probabilities, contributions, most=110):
    """{title: [(word, contribution)]} of an e-mail of each class that the model finds, not the longest ones."""
    found, lengths = {}, np.array([len(vectorize.tokens(text)) for text in texts])
    for label, name in enumerate(mg.data.SPAM_CLASSES):
        right = np.flatnonzero((labels == label) & ((probabilities > 0.5) == label))
        if not len(right):
            right = np.flatnonzero(labels == label)
        i = right[np.argmin(abs(lengths[right] - 90))]
        words = vectorize.tokens(texts[i])[:min(most, contributions.shape[1])]
        found[f"{name}, predicted spam with {probabilities[i]:.1%} (blue: speaks for spam, orange: for ham)"] = [
            *zip(words, contributions[i])]
    return found


if __name__ == "__main__":
    sys.exit(main())
