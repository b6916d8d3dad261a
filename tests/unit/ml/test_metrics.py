"""Measures of labels: scikit-learn's numbers where it has them, published worked examples, properties."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk
from sklearn.datasets import load_digits

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml.metrics import (
    classification_scores,
    confusion_matrix,
    cross_validated_predictions,
    knn_purity,
    label_balance,
    olofsson,
    retrieval,
    sample_size,
    silhouette,
    wilson_interval,
)
from eobench_dash.ml.neighbours import KnnGraph, knn_graph

labels = st.integers(2, 80).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.int64, n, elements=st.integers(0, 6)) for _ in range(2)])
)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float32), data.target.astype(np.int64)


# --- classification -------------------------------------------------------------------------------


@settings(deadline=None)
@given(labels)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # scikit-learn's, of odd label sets
def test_scores_equal_scikit_learn(pair):
    true, predicted = pair
    matrix = confusion_matrix(true, predicted)
    scores = classification_scores(matrix)
    codes = np.unique(np.concatenate(pair))
    np.testing.assert_array_equal(matrix.codes, codes)
    np.testing.assert_array_equal(matrix.counts, sk.confusion_matrix(true, predicted, labels=codes))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        true, predicted, labels=codes, zero_division=np.nan
    )
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, np.nan_to_num(f1))
    np.testing.assert_array_equal(scores.support, support)
    assert scores.accuracy == pytest.approx(sk.accuracy_score(true, predicted))
    assert scores.macro_f1 == pytest.approx(sk.f1_score(true, predicted, average="macro", zero_division=0))
    assert scores.weighted_f1 == pytest.approx(sk.f1_score(true, predicted, average="weighted", zero_division=0))
    assert scores.mcc == pytest.approx(sk.matthews_corrcoef(true, predicted), abs=1e-9)
    assert scores.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(true, predicted))
    assert scores.kappa == pytest.approx(sk.cohen_kappa_score(true, predicted), nan_ok=True, abs=1e-9)


@settings(deadline=None)
@given(labels)
def test_disagreement_sums_to_the_error(pair):
    scores = classification_scores(confusion_matrix(*pair))
    assert scores.quantity_disagreement + scores.allocation_disagreement == pytest.approx(1 - scores.accuracy, abs=1e-9)
    assert scores.quantity_disagreement >= 0 and scores.allocation_disagreement >= -1e-12
    assert scores.accuracy_interval.low <= scores.accuracy <= scores.accuracy_interval.high
    mirrored = classification_scores(confusion_matrix(pair[1], pair[0]))
    np.testing.assert_allclose(mirrored.precision, scores.recall)
    assert mirrored.mcc == pytest.approx(scores.mcc)


def test_disagreement_of_swapped_and_of_shifted_labels():
    swapped = classification_scores(confusion_matrix([0, 0, 1, 1], [0, 1, 0, 1]))
    assert (swapped.quantity_disagreement, swapped.allocation_disagreement) == (0.0, 0.5)
    shifted = classification_scores(confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1]))
    assert (shifted.quantity_disagreement, shifted.allocation_disagreement) == (0.25, 0.0)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)],
)  # the first three: Newcombe 1998, Statistics in Medicine 17, table I, method 3; the last mirrors the third
def test_wilson_interval_by_the_book(successes, n, low, high):
    interval = wilson_interval(successes, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
    assert interval.method == "Wilson score" and interval.level == 0.95


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share(pair):
    successes, n = pair
    interval, mirrored = wilson_interval(successes, n), wilson_interval(n - successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    narrow = wilson_interval(successes, n, level=0.8)
    assert interval.low <= narrow.low <= narrow.high <= interval.high


def test_scores_refuse_nonsense():
    for wrong in (
        lambda: confusion_matrix([], []),
        lambda: confusion_matrix([0, 1], [0]),
        lambda: confusion_matrix([0.5], [1.0]),
        lambda: wilson_interval(3, 2),
        lambda: wilson_interval(0, 0),
    ):
        with pytest.raises(BadInput):
            wrong()


# --- cross-validation -----------------------------------------------------------------------------


def test_predictions_are_those_of_the_same_folds_in_scikit_learn(digits):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, y = digits
    found = cross_validated_predictions(x, y, folds=3, seed=1)
    assert found.rows.tolist() == list(range(len(x))) and not found.grouped
    for fold in range(3):
        held = found.fold == fold
        model = make_pipeline(StandardScaler(), SVC(C=10)).fit(x[~held].astype(np.float64), y[~held])
        assert (model.predict(x[held].astype(np.float64)) == found.predicted[held]).mean() > 0.998
    assert classification_scores(confusion_matrix(found.true, found.predicted)).accuracy > 0.97


def test_folds_are_stratified_seeded_and_leave_unlabelled_out(digits):
    x, y = digits[0][:400], digits[1][:400].copy()
    y[::7] = NO_LABEL
    found = cross_validated_predictions(x, y, folds=4, seed=3)
    np.testing.assert_array_equal(found.rows, np.flatnonzero(y != NO_LABEL))
    np.testing.assert_array_equal(found.true, y[found.rows])
    for code in np.unique(found.true):
        share = np.bincount(found.fold[found.true == code], minlength=4)
        assert share.max() - share.min() <= 1
    sizes = np.bincount(found.fold, minlength=4)
    assert sizes.max() - sizes.min() <= 1
    again = cross_validated_predictions(x, y, folds=4, seed=3)
    np.testing.assert_array_equal(found.predicted, again.predicted)
    assert not np.array_equal(found.fold, cross_validated_predictions(x, y, folds=4, seed=4).fold)


def test_groups_stay_together_and_labels_even_out(digits):
    x, y = digits[0][:600], digits[1][:600]
    groups = np.array([f"product {g}" for g in np.random.default_rng(0).integers(0, 40, 600)])
    found = cross_validated_predictions(x, y, folds=5, groups=groups)
    assert found.grouped
    for group in np.unique(groups):
        assert len(np.unique(found.fold[groups == group])) == 1
    assert np.bincount(found.fold, minlength=5).min() > 60


def test_a_label_with_one_patch_counts_as_missed(digits):
    x, y = digits[0][:200], digits[1][:200].copy()
    y[17] = 99
    found = cross_validated_predictions(x, y, folds=5)
    assert found.predicted[17] != 99
    scores = classification_scores(confusion_matrix(found.true, found.predicted))
    assert scores.recall[scores.confusion.codes == 99] == 0


def test_a_training_side_of_one_label_still_answers():
    found = cross_validated_predictions(np.eye(2), [3, 4], folds=2)
    assert found.predicted.tolist() == [4, 3]


def test_large_sets_are_thinned_in_proportion(digits):
    x, y = digits[0][:1000], np.where(np.arange(1000) < 20, 1, 2)
    found = cross_validated_predictions(x, y, folds=5, max_rows=100)
    assert len(found.rows) == pytest.approx(100, abs=6)
    assert (found.true == 1).sum() == 5 and (np.diff(found.rows) > 0).all()
    np.testing.assert_array_equal(found.true, y[found.rows])


def test_cross_validation_is_told_of_cancelling_and_bad_input(digits):
    x, y = digits[0][:100], digits[1][:100]

    def stop(fraction, message):
        raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        cross_validated_predictions(x, y, progress=stop)
    with pytest.raises(BadInput, match="two labels"):
        cross_validated_predictions(x, np.zeros(100, int))
    with pytest.raises(BadInput, match="folds"):
        cross_validated_predictions(x[:3], y[:3], folds=5)
    with pytest.raises(BadInput, match="groups"):
        cross_validated_predictions(x, y, groups=np.arange(100) % 3, folds=5)
    with pytest.raises(BadInput, match="labels for"):
        cross_validated_predictions(x, y[:-1])
    with pytest.raises(BadInput, match="NaN"):
        cross_validated_predictions(np.where(np.arange(100)[:, None] == 4, np.nan, x), y)


# --- separability ---------------------------------------------------------------------------------


def test_purity_by_definition(digits):
    x, y = digits[0][:300], digits[1][:300].copy()
    y[::9] = NO_LABEL
    graph = knn_graph(x, k=20)
    found = knn_purity(graph, y, 7)
    shares = {}
    for i in np.flatnonzero(y != NO_LABEL):
        near = y[graph.indices[i, :7]]
        near = near[near != NO_LABEL]
        if len(near):
            shares.setdefault(y[i], []).append((near == y[i]).mean())
    assert found.overall == pytest.approx(np.mean([s for own in shares.values() for s in own]))
    for code, value, support in zip(found.codes, found.values, found.support, strict=True):
        assert value == pytest.approx(np.mean(shares[code])) and support == len(shares[code])
    assert found.n == sum(found.support)


def test_purity_of_separate_and_of_no_labels():
    graph = KnnGraph(np.array([[1], [0], [3], [2]], np.int32), np.ones((4, 1), np.float32))
    assert knn_purity(graph, [5, 5, 6, 6], 1).overall == 1.0
    assert knn_purity(graph, [5, 6, 5, 6], 1).overall == 0.0
    nothing = knn_purity(graph, [NO_LABEL] * 4, 1)
    assert math.isnan(nothing.overall) and nothing.n == 0
    with pytest.raises(BadInput):
        knn_purity(graph, [1, 2], 1)


@pytest.mark.parametrize("n", [30, 700])
def test_silhouette_equals_scikit_learn(digits, n):
    x, y = digits[0][:n], digits[1][:n].copy()
    y[3] = 77  # alone in its class
    found = silhouette(x, y)
    want = sk.silhouette_samples(x.astype(np.float64), y)
    assert found.overall == pytest.approx(want.mean(), abs=1e-6)
    for code, value in zip(found.codes, found.values, strict=True):
        assert value == pytest.approx(want[y == code].mean(), abs=1e-6)


def test_silhouette_samples_seeded_and_skips_unlabelled(digits):
    x, y = digits[0], digits[1].copy()
    y[::2] = NO_LABEL
    found = silhouette(x, y, sample=300, seed=2)
    assert found.n == 300 and found.overall == silhouette(x, y, sample=300, seed=2).overall
    assert found.overall == pytest.approx(silhouette(x, y).overall, abs=0.03)
    with pytest.raises(BadInput, match="two labels"):
        silhouette(x, np.full(len(x), 4))
    with pytest.raises(BadInput, match="two labels"):
        silhouette(x, np.full(len(x), NO_LABEL))


def test_silhouette_of_duplicates_is_finite():
    assert silhouette(np.zeros((6, 2)), [0, 0, 0, 1, 1, 1]).overall == 0.0


# --- balance --------------------------------------------------------------------------------------


def test_balance_by_hand():
    found = label_balance([2] * 30 + [5] * 10 + [NO_LABEL] * 4)
    assert (found.codes.tolist(), found.counts.tolist(), found.labelled, found.unlabelled) == ([2, 5], [30, 10], 40, 4)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found.imbalance_ratio == 3.0
    assert found.evenness == pytest.approx(entropy / math.log(2))
    assert found.effective_number == pytest.approx(math.exp(entropy))


def test_balance_of_one_label_and_of_none():
    one, none = label_balance([7, 7]), label_balance([NO_LABEL])
    assert (one.imbalance_ratio, one.evenness, one.effective_number) == (1.0, 1.0, 1.0)
    assert math.isnan(none.evenness) and none.effective_number == 0 and none.unlabelled == 1
    assert label_balance(np.array([], np.int64)).labelled == 0


@given(hnp.arrays(np.int64, st.integers(1, 100), elements=st.integers(0, 9)))
def test_balance_is_bounded(y):
    found = label_balance(y)
    assert 0 <= found.evenness <= 1 + 1e-12
    assert 1 - 1e-12 <= found.effective_number <= len(found.codes) + 1e-9
    assert found.counts.sum() == len(y)


# --- retrieval ------------------------------------------------------------------------------------


def test_retrieval_by_definition(digits):
    x, y = digits[0][:250], digits[1][:250].copy()
    x = x + np.random.default_rng(0).normal(scale=1e-3, size=x.shape).astype(np.float32)  # no ties
    y[::11], y[4] = NO_LABEL, 50  # nobody shares 50
    found = retrieval(x, y, at=(1, 5, 400))
    rows = np.flatnonzero(y != NO_LABEL)
    averages, first, five = [], [], []
    for i in rows:
        others = rows[rows != i]
        distance = np.linalg.norm(x[others].astype(np.float64) - x[i], axis=1)
        relevant = y[others] == y[i]
        order = np.argsort(distance)
        first.append(relevant[order[0]])
        five.append(relevant[order[:5]].mean())
        if relevant.any():
            averages.append((y[i], sk.average_precision_score(relevant, -distance)))
    assert set(found.precision_at) == {1, 5} and found.queries == len(rows)
    assert found.precision_at[1] == pytest.approx(np.mean(first))
    assert found.precision_at[5] == pytest.approx(np.mean(five))
    assert found.mean_average_precision == pytest.approx(np.mean([a for _, a in averages]), abs=1e-9)
    for code, value in zip(found.codes, found.class_average_precision, strict=True):
        own = [a for c, a in averages if c == code]
        assert value == pytest.approx(np.mean(own), abs=1e-9) if own else math.isnan(value)


def test_retrieval_samples_queries_and_refuses_too_little(digits):
    x, y = digits
    some = retrieval(x, y, queries=400, seed=1)
    assert some.queries == 400 == some.class_queries.sum()
    assert some.mean_average_precision == pytest.approx(retrieval(x, y).mean_average_precision, abs=0.02)
    with pytest.raises(BadInput, match="two labelled"):
        retrieval(x, np.where(np.arange(len(x)) == 0, 1, NO_LABEL))


# --- sample-based estimates: the worked examples of the papers ------------------------------------


def test_olofsson_2014_table_8():
    counts = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    found = olofsson(counts, [200_000, 150_000, 3_200_000, 6_450_000], codes=[4, 7, 1, 2])

    def pairs(estimates, unit=1.0):
        return [(e.value * unit, (e.interval.high - e.value) * unit) for e in estimates]

    assert found.accuracy.value == pytest.approx(0.9465, abs=5e-5)
    assert 1.96 * found.accuracy.standard_error == pytest.approx(0.0185, abs=5e-5)
    np.testing.assert_allclose(
        pairs(found.users), [(0.880, 0.074), (0.733, 0.101), (0.927, 0.040), (0.963, 0.021)], atol=5.1e-4
    )
    np.testing.assert_allclose(
        pairs(found.producers), [(0.749, 0.213), (0.847, 0.254), (0.934, 0.034), (0.962, 0.018)], atol=5.1e-4
    )
    hectares = [(21158, 6158), (11686, 3756), (285770, 15510), (581386, 16281)]
    np.testing.assert_allclose(pairs(found.area, 0.09), hectares, atol=0.5)
    assert found.codes.tolist() == [4, 7, 1, 2] and found.n == 640
    assert found.accuracy.interval.low == pytest.approx(0.9465 - 0.0185, abs=1e-4)


def test_olofsson_2013_example_1():
    counts = [[97, 0, 3], [3, 279, 18], [2, 1, 97]]
    found = olofsson(counts, [22353, 1122543, 610228])
    area = found.area[0]
    assert (area.value, area.interval.high - area.value) == pytest.approx((45112.4, 21072.4), abs=0.1)
    assert (found.accuracy.value, 1.96 * found.accuracy.standard_error) == pytest.approx((0.9444, 0.0219), abs=1e-4)
    assert [e.value for e in found.users] == pytest.approx([0.97, 0.93, 0.97])
    assert [e.value for e in found.producers] == pytest.approx([0.4806, 0.9942, 0.8969], abs=1e-4)


def test_a_stratum_without_error_has_a_wilson_interval():
    found = olofsson([[30, 0], [0, 40]], [100, 300])
    assert found.users[0].standard_error == 0.0
    assert found.sample_accuracy_interval[0] == wilson_interval(30, 30)
    assert found.sample_accuracy_interval[0].low < 0.9


def test_an_empty_stratum_is_no_obstacle_but_an_unsampled_one_is():
    found = olofsson([[9, 1, 0], [2, 8, 0], [0, 0, 0]], [50, 50, 0])
    assert found.accuracy.value == pytest.approx(0.85)
    assert math.isnan(found.users[2].value) and math.isnan(found.sample_accuracy_interval[2].low)
    for counts, sizes in (([[9, 1], [1, 0]], [50, 50]), ([[1, 2]], [3]), ([[2, -1], [0, 5]], [1, 1]), ([[2]], [0])):
        with pytest.raises(BadInput):
            olofsson(counts, sizes)


@given(
    hnp.arrays(np.int64, (3, 3), elements=st.integers(0, 30)),
    hnp.arrays(np.int64, 3, elements=st.integers(1, 10_000)),
)
def test_areas_sum_to_the_whole_and_proportional_samples_to_plain_accuracy(counts, sizes):
    assume((counts.sum(axis=1) >= 2).all())
    found = olofsson(counts, sizes)
    assert sum(a.value for a in found.area) == pytest.approx(sizes.sum())
    own = olofsson(counts, counts.sum(axis=1))
    assert own.accuracy.value == pytest.approx(np.trace(counts) / counts.sum())


def test_sample_size_of_the_paper():
    """Olofsson 2014, section 5.1.1: W .02 .015 .32 .645, U .7 .6 .9 .95, SE .01 -> n = 641."""
    sizes = np.array([200_000, 150_000, 3_200_000, 6_450_000])
    drawn = sample_size(sizes, [0.7, 0.6, 0.9, 0.95], standard_error=0.01, least=1)
    assert drawn.sum() == pytest.approx(641, abs=4)
    rare = sample_size(sizes, [0.7, 0.6, 0.9, 0.95], standard_error=0.01, least=75)
    assert rare[:2].tolist() == [75, 75]
    assert sample_size([10, 4000], [0.8, 0.8], standard_error=0.02).tolist() == [10, 400]
    with pytest.raises(BadInput):
        sample_size([], [], standard_error=0.01)
    with pytest.raises(BadInput):
        sample_size([5], [0.9], standard_error=0)
