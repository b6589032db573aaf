from __future__ import annotations

import re

import pytest

from batch_cli.engine.handlers.simulate.regex_sample import NoSample, sample


@pytest.mark.parametrize(
    "pattern",
    [
        "^a{3}$",
        r"^\d{5}(-\d{4})?$",
        "[^a-z0-9]",
        r"^\w+@\w+\.com$",
        "(x|y)z",
        r"^[A-Z]\S\D\W$",
        r"[\d]",
        r"^.+$",
        r"^[^\d\s]$",
        "^(?:ab)*c++$",
        r"[\W]",
        "",
    ],
)
def test_the_sample_matches_its_pattern(pattern: str) -> None:
    assert re.search(pattern, sample(pattern))


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=b)a", "^a{20000}$", r"[^\w\W]"])
def test_what_cannot_be_followed_is_refused(pattern: str) -> None:
    with pytest.raises(NoSample):
        sample(pattern)
