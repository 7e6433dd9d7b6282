"""Checking a search before it is begun: ``bonas.check``, ``bonas check``."""

from bonas.checking.checking import check, check_named
from bonas.checking.report import CheckReport, Finding, Row

__all__ = ["CheckReport", "Finding", "Row", "check", "check_named"]
