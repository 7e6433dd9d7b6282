"""The command that writes a network of a study as a folder that needs no bonas."""

from __future__ import annotations

import argparse
from typing import Any

from bonas.cli.options import add_command, add_stored_search


def add_export_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    export = add_command(
        commands,
        "export",
        "Write a trained network as a folder: source, weights, ONNX and a model card.",
    )
    add_stored_search(export)
    export.add_argument(
        "--trial", type=int, help="Number of the trial (default: the best, of one objective)."
    )
    export.add_argument("--out", required=True, help="Folder to write.")
    export.add_argument(
        "--weights", help="File of a finalist of this trial, as bonas finalize writes it."
    )
    export.add_argument(
        "--kept", help="Folder of the weights that the search kept (default: where it kept them)."
    )
    for name, text in (("onnx", "ONNX"), ("int8", "INT8")):
        export.add_argument(
            f"--{name}",
            action=argparse.BooleanOptionalAction,
            help=f"Whether to write {text} (default: where that is possible).",
        )
    export.add_argument("--overwrite", action="store_true", help="Replace an earlier export.")
    export.set_defaults(run=_export)


# The command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _export(options: argparse.Namespace) -> None:
    from bonas.deploy.export_stored import export_stored
    from bonas.deploy.stored import stored_result
    from bonas.studies.search import Search

    made = export_stored(
        stored_result(Search.named(options.search), options.storage, options.study),
        options.trial,
        options.out,
        weights=options.weights,
        kept=options.kept,
        onnx=options.onnx,
        int8=options.int8,
        overwrite=options.overwrite,
    )
    print(made)
