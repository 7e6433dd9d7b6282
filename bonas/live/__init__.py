"""Studies that run, seen in a browser: the served report, and Optuna's dashboard."""
