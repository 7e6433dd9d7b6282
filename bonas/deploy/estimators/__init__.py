"""Estimators of scikit-learn that search for a network, retrain the best one, and predict."""

from bonas.deploy.estimators.classifier import SearchClassifier
from bonas.deploy.estimators.regressor import SearchRegressor

__all__ = ["SearchClassifier", "SearchRegressor"]
