"""Candidate: an architecture proposed for evaluation, and afterwards what was measured of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import torch
from optuna.trial import FrozenTrial, Trial, TrialState
from torch import nn

from bonas.arguments import is_count
from bonas.drawings import Drawing, Layout, draw
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.curve import Curve, curve_names, measurements_of
from bonas.evaluation.failure import BUILD, phase
from bonas.evaluation.inheritance.lineage import Lineage
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import UNITS
from bonas.evaluation.weights import Folder, load_weights
from bonas.settings import own_settings
from bonas.spaces import ArchitectureGraph, Choices, Space
from bonas.texts import shown, storable

if TYPE_CHECKING:
    from bonas.evaluation.data.splits import Splits
    from bonas.evaluation.export import Export
    from bonas.evaluation.training.short_training import ShortTraining

INDEX = "bonas:index"
"""The trial's user attribute that holds which proposal of the study it evaluates, where that is not
the trial's number: a proposal that was cut off is evaluated again in another trial."""


@dataclass(frozen=True)
class Candidate:
    """One architecture of a space and the Optuna trial that stands for it.

    Attributes:
        space: The space it belongs to.
        choices: A parameter's name -> the chosen value.
        trial: Optuna's record; it suggests further parameters (``candidate.trial.suggest_float``).
        values: An objective's name -> the measured value, in the objective's unit; empty before
            the evaluation.
        units: A name -> the unit of its values, where the search says one; see ``unit_of``.
        rungs: Where a stopping rule looks at the evaluation: shares of the whole in (0, 1), or
            steps. An evaluator scores its network there, too; empty where nothing is stopped.
    """

    space: Space = field(repr=False)
    choices: Choices
    trial: Trial | FrozenTrial = field(repr=False)
    values: Mapping[str, float] = field(default_factory=dict)
    rungs: Sequence[float] = field(default=(), repr=False)
    units: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, space: Space, trial: Trial | FrozenTrial, values: Mapping[str, float] | None = None
    ) -> Candidate:
        """Return the candidate that a trial stands for, by its parameters that the space has."""
        choices = {n: trial.params[n] for n in space.distributions if n in trial.params}
        return cls(space, space.completed(choices), trial, values or {})

    def unit_of(self, name: str) -> str:
        """Return the unit of an objective's values: the search's, else the usual one, or none."""
        return self.units.get(name, UNITS.get(name, ""))

    @classmethod
    def without_trial(cls, space: Space, choices: Choices) -> Candidate:
        """Return a candidate that no study evaluates, for measurements that need no training.

        Its number is -1, and its trial, which is stored nowhere, has the choices alone.
        """
        trial = FrozenTrial(
            number=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=None,
            datetime_complete=None,
            params=dict(choices),
            distributions={name: space.distributions[name] for name in choices},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=-1,
        )
        return cls(space, choices, trial)

    @property
    def graph(self) -> ArchitectureGraph:
        """The labelled graph of the architecture."""
        return self.space.graph(self.choices)

    @property
    def number(self) -> int:
        """The index of its proposal in the study, from 0; the same when it is evaluated again."""
        return index_of(self.trial)

    @property
    def curves(self) -> list[str]:
        """The names of the learning curves that its evaluation left; empty before it has ended."""
        return curve_names(self._measurements)

    def curve(self, name: str) -> Curve:
        """Return a learning curve: ``steps``, ``values`` and ``seconds`` of equal length.

        An evaluation leaves curves by yielding measurements with a step, as ``ShortTraining`` does
        for ``"train_loss"`` and its metric.

        Raises:
            InvalidArgument: if there is none of that name; the error lists the names that exist.
        """
        if name not in self.curves:
            raise unknown("curve", name, self.curves)
        return Curve.of(self._measurements, name)

    @property
    def lineage(self) -> Lineage | None:
        """Which trained network it started from; None unless its training may inherit weights."""
        return Lineage.of(self.trial)

    @cached_property
    def _measurements(self) -> Sequence[Measurement]:
        return measurements_of(self.trial) if isinstance(self.trial, FrozenTrial) else ()

    def draw(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        compared_with: Candidate | None = None,
        layout: Layout = "auto",
    ) -> Drawing:
        """Draw its network, with sizes, repetitions folded and blocks in frames.

        A notebook shows a candidate as its drawing with the measured values below.

        Args:
            path: Where to write the drawing, a name that ends in ``.svg``; None writes nothing.
            compared_with: Another candidate; what its network does not have is marked, and what it
                has besides is listed below the drawing.
            layout: See ``bonas.drawings.draw``.

        Raises:
            InvalidArgument: for another ending, or an unknown layout.
            InvalidSpace: if the space cannot say what the network computes.
            MissingPackage: for ``layout="dot"`` without Graphviz.
        """
        other = None
        if compared_with is not None:
            if not isinstance(compared_with, Candidate):
                raise InvalidArgument(
                    f"expected a candidate to compare with, got {shown(compared_with)}; "
                    "space.draw(choices, compared_with=other_choices) compares choices"
                )
            other = compared_with.space.outline(compared_with.choices)
        outline = self.space.outline(self.choices)
        return draw(outline, path, compared_with=other, layout=layout, title=self._title)

    @property
    def _title(self) -> str:
        return f"network {self.number}" if self.number >= 0 else "network"

    def _repr_html_(self) -> str:
        try:
            picture = self.draw().svg
        except Exception as error:  # a space may fail in any way; showing it must not
            picture = f"<p>{escape(storable(f'not drawn: {error}'))}</p>"
        rows = "".join(
            f"<tr><td>{escape(storable(name))}</td>"
            f"<td>{escape(f'{value:.6g} {self.unit_of(name)}'.rstrip())}</td></tr>"
            for name, value in self.values.items()
        )
        table = f"<table><caption>{self._title}</caption>{rows}</table>"
        return f"<figure>{picture}<figcaption>{table}</figcaption></figure>"

    def build(self) -> nn.Module:
        """Build an untrained network; while the trial runs, the builder may note things in it.

        Raises:
            MissingBuilder: if the space does not say how.
        """
        alive = self.trial if isinstance(self.trial, Trial) else None
        with phase(BUILD):
            return self.space.build_for(self.numbered_choices, alive)

    @property
    def numbered_choices(self) -> Choices:
        """The choices with the numbers that the space's builder takes besides them."""
        numbers = {name: self.trial.params[name] for name in self.space.numeric}
        return {**self.choices, **numbers}

    def trained(self, folder: Folder | None = None) -> nn.Module:
        """Build the network with the weights of its training, in evaluation mode.

        Args:
            folder: Where the weights are now; None is where they were kept.

        Raises:
            MissingData: if none were kept (``ShortTraining(keep_weights=...)`` does), or their file
                is gone.
            InvalidData: if the weights are those of another network.
            MissingBuilder: if the space does not say how to build it.
        """
        with own_settings(), torch.random.fork_rng(devices=[]):
            network = self.build()
        load_weights(self, network, folder)
        return network.eval()

    def export(
        self,
        folder: Folder,
        *,
        network: nn.Module | None = None,
        data: ShortTraining | Splits | None = None,
        example: Any = None,
        calibration: Any = None,
        builder: str | None = None,
        onnx: bool | None = None,
        int8: bool | None = None,
        overwrite: bool = False,
    ) -> Export:
        """Write its trained network as a folder that loads without bonas.

        The folder has readable source (``model.py``), weights (safetensors), ONNX files in float
        and INT8, the choices, an example with its outputs, and a model card. It is loaded in a new
        process and compared before it appears.

        Args:
            folder: Appears complete or not at all.
            network: A trained network of this architecture, as ``bonas.finalize`` returns; None is
                ``self.trained()``.
            data: The training of the search, or its splits: for the card, an example, calibration
                rows, and the scale of a regression, whose outputs are then in its units.
            example: A batch as the network takes it; None is that of the space or of the data.
            calibration: A batch of typical inputs, or a list of them, for INT8; None takes training
                rows of the data.
            builder: ``module:name`` of the space or of a function from choices to the network, for
                a network without source: one whose forward pass depends on the values it is given.
                None looks for the space among the imported modules.
            onnx: Whether to write ONNX; None where the network can be exported, else a note in
                the card says why not.
            int8: The same for INT8.
            overwrite: Whether an earlier export may be replaced.

        Raises:
            InvalidArgument: if the folder exists, or an argument cannot be used.
            MissingData: if no weights were kept (``ShortTraining(keep_weights=...)`` does) and no
                network is given.
            ExportFailed: if ONNX or INT8 was asked for and is impossible.
            BrokenExport: if the folder does not load elsewhere, or computes something else.
            MissingPackage: without the extra ``onnx``.
        """
        from bonas.evaluation.export.of_candidate import export_candidate

        return export_candidate(
            self,
            folder,
            network=network,
            data=data,
            example=example,
            calibration=calibration,
            builder=builder,
            onnx=onnx,
            int8=int8,
            overwrite=overwrite,
        )


def index_of(trial: Trial | FrozenTrial) -> int:
    """Return which proposal of its study a trial evaluates."""
    index: object = trial.user_attrs.get(INDEX)
    return index if is_count(index) else trial.number
