"""Zero-cost scores: what one batch through an untrained network says about it."""

from bonas.evaluation.zero_cost.batch import Batch
from bonas.evaluation.zero_cost.probe import Probe
from bonas.evaluation.zero_cost.scores import DEFAULT, SCORES, Score
from bonas.evaluation.zero_cost.zero_cost import ZeroCost

__all__ = ["DEFAULT", "SCORES", "Batch", "Probe", "Score", "ZeroCost"]
