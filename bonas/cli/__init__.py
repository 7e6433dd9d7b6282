"""Command line of bonas: demo, front of a stored study, workers, rescue, and benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bonas import __version__
from bonas.cli.comparisons import add_comparisons
from bonas.cli.exports import add_export_command
from bonas.cli.finals import add_final_commands
from bonas.cli.live import add_live_commands
from bonas.cli.measurements import add_measurements
from bonas.cli.options import add_command
from bonas.cli.reports import add_report_benchmark, add_report_command
from bonas.cli.searches import add_search_commands
from bonas.cli.supernets import add_supernet_commands
from bonas.errors import BonasError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return what it returns or 0, 2 after an error of bonas, 130 after Ctrl-C."""
    options = make_parser().parse_args(arguments)
    try:
        status: int | None = options.run(options)
    except BonasError as error:
        print(f"bonas: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bonas: interrupted; the same command resumes from what is stored", file=sys.stderr)
        return 130
    return status or 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="bonas",
        description="Neural architecture search by Bayesian optimisation over graphs.",
    )
    parser.add_argument("--version", action="version", version=f"bonas {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_search_commands(commands)
    add_final_commands(commands)
    add_export_command(commands)
    add_report_command(commands)
    add_live_commands(commands)
    add_supernet_commands(commands)
    bench = add_command(commands, "bench", "Benchmark search methods, and the search itself.")
    parts = bench.add_subparsers(dest="part", required=True, metavar="PART")
    add_comparisons(parts)
    add_measurements(parts)
    add_report_benchmark(parts)
    return parser
