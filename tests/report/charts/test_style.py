import re

import pytest

from bonas.report.charts import style

PALETTES = re.findall(r"\{([^{}]*--chart-ink: [^{}]*)\}", style())


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, as WCAG 2 defines it."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_there_is_a_palette_for_light_and_dark_by_system_and_by_choice_and_for_print() -> None:
    assert len(PALETTES) == 4
    assert PALETTES[1].split() == PALETTES[2].split()


@pytest.mark.parametrize("palette", PALETTES)
def test_letters_and_series_have_the_contrasts_of_wcag(palette: str) -> None:
    colours = dict(re.findall(r"--chart-([\w-]+): (#[0-9a-f]+);", palette))
    paper = colours.pop("paper")
    colours.pop("grid")  # decoration
    assert len(colours) == 12
    for name, colour in colours.items():
        least = 4.5 if name in ("ink", "quiet") else 3.0
        assert contrast(colour, paper) >= least, name


def test_series_differ_without_colour() -> None:
    dashes = re.findall(r"\.chart \.series-\d \{[^}]*stroke-dasharray: ([^;]+);", style())
    assert len({*dashes}) == 5  # and the first is solid


def test_nothing_is_fetched() -> None:
    assert "url(" not in style()
    assert "@import" not in style()
