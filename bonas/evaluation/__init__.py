"""Evaluation of an architecture: data, training, latency, and the objectives they measure."""

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.curve import Curve, partial_values
from bonas.evaluation.data.load import Splits, load
from bonas.evaluation.default import default_evaluation
from bonas.evaluation.evaluator import Evaluator, StreamingEvaluator, measured
from bonas.evaluation.inheritance.inherit import Inheritance, inherit_weights
from bonas.evaluation.inheritance.lineage import Lineage
from bonas.evaluation.isolation.isolated import Isolated
from bonas.evaluation.kv_cache import KV_CACHE, CachingSpace, KVCache
from bonas.evaluation.latency.latency import Latency
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.memory import PEAK_MEMORY, TRAINING_MEMORY, PeakMemory
from bonas.evaluation.objective import (
    ACCURACY,
    LATENCY,
    Direction,
    Objective,
    as_objectives,
    oriented,
)
from bonas.evaluation.remote.device import RemoteDevice
from bonas.evaluation.remote.latency import RemoteLatency
from bonas.evaluation.remote.local import LocalDevice
from bonas.evaluation.remote.measurement import DeviceMeasurement
from bonas.evaluation.remote.table import LatencyTable
from bonas.evaluation.score_source import ScoreSource, SupportsScores
from bonas.evaluation.size import FLOPS, PARAMETERS, FLOPs, ParameterCount
from bonas.evaluation.size_on_disk import SizeOnDisk
from bonas.evaluation.stages import Joint, Stages
from bonas.evaluation.training.short_training import ShortTraining
from bonas.evaluation.weights import keep_weights

__all__ = [
    "ACCURACY",
    "FLOPS",
    "KV_CACHE",
    "LATENCY",
    "PARAMETERS",
    "PEAK_MEMORY",
    "TRAINING_MEMORY",
    "CachingSpace",
    "Candidate",
    "Constraint",
    "Curve",
    "DeviceMeasurement",
    "Direction",
    "Evaluator",
    "FLOPs",
    "Inheritance",
    "Isolated",
    "Joint",
    "KVCache",
    "Latency",
    "LatencyTable",
    "Lineage",
    "LocalDevice",
    "Measurement",
    "Objective",
    "ParameterCount",
    "PeakMemory",
    "RemoteDevice",
    "RemoteLatency",
    "ScoreSource",
    "ShortTraining",
    "SizeOnDisk",
    "Splits",
    "Stages",
    "StreamingEvaluator",
    "SupportsScores",
    "as_objectives",
    "default_evaluation",
    "inherit_weights",
    "keep_weights",
    "load",
    "measured",
    "oriented",
    "partial_values",
]
