import re

from faked_searches import OPTIONS, faked_search
from sections import charts_of, drawn

from bonas.report.searched import Searched
from bonas.report.sections.importance import section


def test_the_choices_that_matter_come_first_and_the_others_are_not_named() -> None:
    made = section(Searched.of(faked_search(60, 1)))
    assert made is not None
    assert "edge_0 and edge_1 matter most" in made.html
    bars, effects, *_ = charts_of(made)
    labels = [each.text for each in drawn(bars, "row")]
    assert labels[:2] == ["edge_0", "edge_1"]
    assert sorted(filter(None, labels)) == sorted(OPTIONS)
    widths = [float(each.get("width", "")) for each in drawn(bars, "bar")]
    assert widths == sorted(widths[:2], reverse=True) + widths[2:]
    options = [str(each.text) for each in drawn(effects, "row")]
    assert [text.split(" ")[0] for text in options] == ["conv", "pool", "skip", "none"]
    counts = [int(re.search(r"n = (\d+)", text)[1]) for text in options]  # type: ignore[index]  # as built
    assert sum(counts) == len(Searched.of(faked_search(60, 1)).finished)


def test_few_trials_are_too_few() -> None:
    made = section(Searched.of(faked_search(12, 2)))
    assert made is not None
    assert "Too few trials" in made.html
    assert not charts_of(made)


def test_values_that_are_all_equal_say_that_nothing_matters() -> None:
    study = faked_search(0, 1)
    for _ in range(25):
        trial = study.ask(dict(OPTIONS))
        study.tell(trial, 1.0)
    made = section(Searched.of(study))
    assert made is not None
    assert "All values are equal" in made.html


def test_a_study_without_parameters_has_no_section() -> None:
    study = faked_search(0, 1)
    study.tell(study.ask(), 1.0)
    assert section(Searched.of(study)) is None


def test_it_says_how_many_networks_were_read() -> None:
    searched = Searched.of(faked_search(400, 1))
    made = section(searched)
    assert made is not None
    assert f"Read: 160 of {len(searched.finished)} networks" in made.html


def test_a_diverged_value_does_not_decide_and_is_said() -> None:
    study = faked_search(60, 1)
    trial = study.ask(dict(OPTIONS))
    study.tell(trial, -1e6)
    made = section(Searched.of(study))
    assert made is not None
    assert "edge_0 and edge_1 matter most" in made.html
    assert "1 value was far off and moved nearer" in made.html
