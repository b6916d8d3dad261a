"""Measures of a labelled dataset: arrays in, frozen values of ``domain.quality`` out; in feature space, never on
a map. scikit-learn is loaded only by the one function that trains classifiers."""

from eobench_dash.ml.metrics.balance import label_balance
from eobench_dash.ml.metrics.classification import classification_scores, confusion_matrix, wilson_interval
from eobench_dash.ml.metrics.crossval import cross_validated_predictions
from eobench_dash.ml.metrics.retrieval import retrieval
from eobench_dash.ml.metrics.sampling import olofsson, sample_size
from eobench_dash.ml.metrics.separability import knn_purity, silhouette

__all__ = [
    "classification_scores",
    "confusion_matrix",
    "cross_validated_predictions",
    "knn_purity",
    "label_balance",
    "olofsson",
    "retrieval",
    "sample_size",
    "silhouette",
    "wilson_interval",
]
