"""The site is built and read offline, and fails to build where one of its examples fails."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from base64 import b64encode
from pathlib import Path
from types import ModuleType

import pytest
from site_pages import DOCS

ROOT = DOCS.parent


@pytest.fixture(scope="module")
def configuration() -> ModuleType:
    for package in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(package, reason="the site needs the extra docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setenv("PYTHONPATH", "")
        return loaded(DOCS / "conf.py")


def loaded(path: Path) -> ModuleType:
    """Import a file of the documentation."""
    pytest.importorskip("sphinx", reason="the site needs the extra docs")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_example_that_fails_or_warns_fails_the_build(configuration: ModuleType) -> None:
    assert configuration.nb_execution_mode == "cache"
    assert configuration.nb_execution_raise_on_error is True
    assert configuration.nb_output_stderr == "remove-warn"
    assert configuration.nitpicky is True
    recipe = re.search(r"^docs:.*\n(.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert recipe is not None
    assert " -W " in recipe[1]


def test_no_setting_names_an_address(configuration: ModuleType) -> None:
    for path in [DOCS / "conf.py", *DOCS.glob("static/*"), *DOCS.glob("extensions/*.py")]:
        assert "://" not in path.read_text(encoding="utf-8"), path
    assert "offline" in configuration.extensions
    assert configuration.nb_ipywidgets_js == {}
    assert "sphinx.ext.intersphinx" not in configuration.extensions


def test_only_the_extra_of_the_site_needs_its_packages() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for name, needs in extras.items():
        has = any(need.startswith(("sphinx", "furo", "myst-nb")) for need in needs)
        assert has == (name == "docs"), name
    assert any("docs" in need for need in extras["dev"])


def test_formulas_become_mathml() -> None:
    from docutils.utils.math.latex2mathml import tex2mathml

    written = tex2mathml(r"\mu(x) = k(x, X) K^{-1} y", as_block=True)
    assert written.startswith("<math")
    assert "<msup>" in written


def test_formulas_in_the_head_of_a_module_are_literal() -> None:
    heads = loaded(DOCS / "extensions" / "module_heads.py")
    lines = [
        "The size |x| of ``|y|``.",
        "",
        "    a = |x|",
        "    b = 2",
        "",
        "- a list",
        "",
        "    more",
    ]
    assert heads.as_written(lines) == [
        r"The size \|x\| of ``|y|``.",
        "",
        ".. code-block:: text",
        "",
        "    a = |x|",
        "    b = 2",
        "",
        "- a list",
        "",
        "    more",
    ]
    assert heads.as_written(["An example::", "", "    x"]) == ["An example::", "", "    x"]


def test_the_heads_of_maths_modules_are_found() -> None:
    heads = loaded(DOCS / "extensions" / "module_heads.py")
    found = dict(heads.formulas_of("bonas.surrogates"))
    assert {"bonas.surrogates.kernel", "bonas.surrogates.leave_one_out"} <= set(found)


def test_every_command_is_shown_with_its_help() -> None:
    found = dict(loaded(DOCS / "extensions" / "command_help.py").helps())
    assert {"bonas demo", "bonas worker", "bonas bench run"} <= set(found)
    assert all(text.startswith("usage:") for text in found.values())


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<a href="https://a.example/x">a link</a><img src="figures/queries.svg">', []),
        ('<img src="https://a.example/x.png">', ["https://a.example/x.png"]),
        ('<script src="//a.example/x.js"></script>', ["//a.example/x.js"]),
        ('<link rel="stylesheet" href="https://a.example/x.css">', ["https://a.example/x.css"]),
        ("<style>@import 'https://a.example/x.css';</style>", ["https://a.example/x.css"]),
        ('<p style="background: url(https://a.example/x)">', ["https://a.example/x"]),
        (
            f'<iframe src="data:text/html;base64,{b64encode(b"<img src=//a.example>").decode()}">',
            ["//a.example"],
        ),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(page: str, found: list[str]) -> None:
    assert loaded(DOCS / "extensions" / "offline.py").loads(page) == found


def test_code_takes_the_focus_and_captions_have_a_level() -> None:
    accessible = loaded(DOCS / "extensions" / "accessible.py")
    assert accessible.focusable("<pre>x</pre>") == '<pre tabindex="0">x</pre>'
    caption = '<p class="caption" role="heading">Start</p>'
    assert 'role="heading" aria-level="2"' in accessible.levelled(caption)
