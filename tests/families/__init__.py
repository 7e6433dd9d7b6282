"""Families of networks of other libraries, searched as a user would; see docs/families.md.

The libraries are large and belong to no other test: ``make families`` installs them into a virtual
environment of their own. Where one is missing, its tests skip.
"""

from importlib.util import find_spec

if find_spec("torchvision") is not None:  # before a library imports it
    import families.torchvision_operators  # noqa: F401
