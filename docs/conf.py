"""Sphinx configuration: the site of ``make docs``, built and read without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import bonas  # noqa: E402 - the extensions have to be found first

project = "bonas"
author = "The authors of bonas"
version = release = bonas.__version__
html_title = f"bonas {release}"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "accessible",
    "command_help",
    "formulas",
    "module_heads",
    "offline",
    "warm_kernel",
]
exclude_patterns = ["extensions", "figures"]

# A reference that leads nowhere is an error, except in annotations: other libraries are documented
# elsewhere, and modules of bonas that are not public have no pages.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!bonas\.).*"),
    (r"py:(class|exc)", r"bonas\.\w+(\.\w+)+\.\w+"),
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Code cells run once, in a kernel of one thread, and again when their page changes.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "docs-executed")
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_output_stderr = "remove-warn"  # a page that prints warnings fails the build
nb_merge_streams = True
nb_ipywidgets_js = {}  # its default loads scripts from elsewhere
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # progress bars in notebooks
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["bonas.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "source_edit_link": "",
    "light_css_variables": {"font-stack": "system-ui, -apple-system, 'Segoe UI', sans-serif"},
}
pygments_style = "a11y-high-contrast-light"  # of accessible-pygments, which comes with furo
pygments_dark_style = "a11y-high-contrast-dark"

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
