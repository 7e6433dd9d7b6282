"""The checks that scikit-learn makes of every estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import bonas


@parametrize_with_checks(
    [
        bonas.SearchClassifier(budget=1, epochs=10),
        bonas.SearchRegressor(budget=1, epochs=10),
    ]
)
def test_scikit_learn_accepts_the_estimators(estimator, check):  # noqa: ANN001, ANN201  # any check
    check(estimator)
