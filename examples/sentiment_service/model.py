"""The classifier: is a text positive or negative?

It learns from the word list of VADER (Hutto and Gilbert, 2014): words that ten people have rated.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline

MODEL_NAME: Final = "sentiment"
CLASSES: Final = ("negative", "positive")
ALGORITHM: Final = MultinomialNB.__name__
# How each version is made: from how many neighbouring characters at most.
RECIPES: Final[dict[str, dict[str, Any]]] = {
    "1": {"characters": 2, "alpha": 0.1},
    "2": {"characters": 5, "alpha": 0.1},
}


class Classifier:
    """A trained version, which remembers the texts that it has seen last."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._remember = lru_cache(maxsize=10_000)(self._probability)

    def predict(self, text: str) -> tuple[float, bool]:
        """Return the probability that a text is positive, and whether it was remembered."""
        hits = self._remember.cache_info().hits
        return self._remember(text), self._remember.cache_info().hits > hits

    def _probability(self, text: str) -> float:
        return float(self._pipeline.predict_proba([text])[0, 1])


def load(model_version: str) -> Classifier:
    """Return a version, ready to answer; here it is trained, elsewhere it would be downloaded."""
    return Classifier(train(model_version))


def label(probability: float) -> str:
    """Return the class that a probability stands for."""
    return CLASSES[probability >= 0.5]


@lru_cache
def train(model_version: str) -> Pipeline:
    """Fit a version on three quarters of the words; the same version is always the same."""
    recipe = RECIPES[model_version]
    words, positive = split()[0]
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, recipe["characters"]))
    return make_pipeline(characters, MultinomialNB(alpha=recipe["alpha"])).fit(words, positive)


def evaluate(model_version: str) -> dict[str, float]:
    """Score a version on the words that it has not learned from."""
    words, positive = split()[1]
    probability = train(model_version).predict_proba(words)[:, 1]
    return {
        "accuracy": accuracy_score(positive, probability >= 0.5),
        "roc_auc": roc_auc_score(positive, probability),
    }


def data_set() -> bytes:
    """Return the word list as the package ships it."""
    return resources.files("vaderSentiment").joinpath("vader_lexicon.txt").read_bytes()


def digest() -> str:
    """Return the SHA-256 of the data set."""
    return f"sha256:{sha256(data_set()).hexdigest()}"


@lru_cache
def split() -> tuple[tuple[list[str], list[bool]], tuple[list[str], list[bool]]]:
    """Return the words to learn from, and those to be tested with; each with what is positive."""
    rows = [line.split("\t") for line in data_set().decode().splitlines()]
    words = [(row[0], float(row[1]) > 0) for row in rows if row[0].isalpha()]
    learned, tested = train_test_split(words, random_state=0)
    return (
        ([word for word, _ in learned], [positive for _, positive in learned]),
        ([word for word, _ in tested], [positive for _, positive in tested]),
    )
