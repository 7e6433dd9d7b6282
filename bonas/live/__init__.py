"""Studies in a browser while they run: reports that refresh themselves, and Optuna's dashboard."""

from bonas.live.dashboard import dashboard
from bonas.live.watch import watch

__all__ = ["dashboard", "watch"]
