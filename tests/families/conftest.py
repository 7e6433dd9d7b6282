"""What is collected: the modules of libraries are imported on demand, not to look for doctests."""

collect_ignore_glob = ["libraries/*.py", "torchvision_operators.py"]
