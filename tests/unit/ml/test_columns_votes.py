"""Votes of the nearest neighbours, and probabilities from the duels of a support vector machine."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.svm import SVC

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.ml import metrics, votes
from eobench_dash.ml.metrics.margins import duels, probabilities


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 25))
@settings(max_examples=60, deadline=None)
def test_mix_and_agreement_are_what_counting_by_hand_gives(seed: int, labels: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    codes = rng.integers(0, labels, n).astype(np.uint16)
    codes[rng.random(n) < 0.2] = NO_LABEL
    indices = np.array([rng.permutation(np.delete(np.arange(n), i))[:30] for i in range(n)], dtype=np.int32)
    found, counts = votes.label_mix(indices, codes, k=k)
    share = votes.agreement(indices, codes, k=k)
    for i in range(n):
        near = codes[indices[i, :k]].tolist()
        tally = Counter(code for code in near if code != NO_LABEL)
        best = sorted(tally, key=lambda code: (-tally[code], near.index(code)))[:3]
        assert found[i].tolist() == best + [NO_LABEL] * (3 - len(best))
        assert counts[i].tolist() == [tally[code] for code in best] + [0] * (3 - len(best))
        if codes[i] == NO_LABEL:
            assert np.isnan(share[i])
        else:
            assert share[i] == pytest.approx(near.count(codes[i]) / k)


def test_blocks_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 4, 100).astype(np.uint16)
    indices = rng.integers(0, 100, (100, 20)).astype(np.int32)
    whole = votes.label_mix(indices, codes, k=20), votes.agreement(indices, codes, k=20)
    monkeypatch.setattr(votes, "BLOCK", 7)
    parts = votes.label_mix(indices, codes, k=20), votes.agreement(indices, codes, k=20)
    np.testing.assert_array_equal(whole[0][0], parts[0][0])
    np.testing.assert_array_equal(whole[0][1], parts[0][1])
    np.testing.assert_array_equal(whole[1], parts[1])


@pytest.mark.parametrize("classes", [3, 5])
def test_the_one_with_most_duels_won_is_what_libsvm_predicts(classes: int) -> None:
    x, y = make_blobs(400, n_features=4, centers=classes, cluster_std=6.0, random_state=2)
    machine = SVC(C=10.0, decision_function_shape="ovo").fit(x[:200], y[:200])
    margins = machine.decision_function(x[200:])
    won, worst = duels(margins, classes)
    np.testing.assert_array_equal(won.argmax(axis=1), machine.predict(x[200:]))
    for row, (first, second) in enumerate((a, b) for a in range(classes) for b in range(a + 1, classes)):
        assert (worst[:, first] <= margins[:, row] + 1e-5).all() and (worst[:, second] <= -margins[:, row] + 1e-5).all()


def test_two_labels_are_one_duel() -> None:
    won, worst = duels(np.array([[0.5], [-2.0]]), 2)
    assert won.tolist() == [[1, 0], [0, 1]] and worst.tolist() == [[0.5, -0.5], [-2.0, 2.0]]


def test_probabilities_sum_to_one_and_know_no_chance(rng: np.random.Generator) -> None:
    scores = rng.normal(size=(50, 4)).astype(np.float32)
    scores[7, 2] = -np.inf
    found = probabilities(scores, scores.argmax(axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)
    assert found[7, 2] == 0.0 and (found.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_the_temperature_makes_confidence_about_as_high_as_hits_are_frequent(rng: np.random.Generator) -> None:
    true = rng.integers(0, 3, 4000)
    scores = (rng.normal(size=(4000, 3)) + 1.2 * np.eye(3)[true]).astype(np.float32) * 10  # ten times too sure
    found = probabilities(scores, true)
    hit = found.argmax(axis=1) == true
    assert abs(found.max(axis=1).mean() - hit.mean()) < 0.03


def test_planted_errors_are_the_least_probable(rng: np.random.Generator) -> None:
    x, y = make_blobs(600, n_features=8, centers=4, cluster_std=3.0, random_state=3)
    wrong = rng.choice(600, 40, replace=False)
    given_labels = y.copy()
    given_labels[wrong] = (y[wrong] + 1) % 4
    found = metrics.cross_validated_predictions(x.astype(np.float32), given_labels, folds=5, seed=0)
    assert found.codes.tolist() == [0, 1, 2, 3] and found.probabilities.shape == (600, 4)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    own = found.probabilities[np.arange(600), given_labels]
    assert np.isin(np.argsort(own)[:40], wrong).mean() > 0.9


def test_a_label_of_one_patch_has_no_chance_where_it_is_asked_for(rng: np.random.Generator) -> None:
    x, y = make_blobs(60, n_features=4, centers=2, random_state=4)
    y[5] = 9
    found = metrics.cross_validated_predictions(x.astype(np.float32), y, folds=3, seed=0)
    assert found.codes.tolist() == [0, 1, 9] and found.probabilities[5, 2] == 0.0
    assert np.isfinite(found.probabilities).all()
