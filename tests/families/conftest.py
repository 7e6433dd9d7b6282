"""Collection: the modules of libraries are imported on demand, not for doctests."""

import families  # noqa: F401  # makes torchvision importable for the programs of the documentation

collect_ignore_glob = ["libraries/*.py", "torchvision_operators.py"]
