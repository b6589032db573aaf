"""The vocabulary of the simulated model: everyday English words that point at names, places and numbers.

Nothing here is taken from any particular text; a word more lets a rule see more, it is never an answer.
"""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    """Read phrases separated by bars."""
    return tuple(part.strip() for part in text.replace("\n", " ").split("|"))


NOT_NAMES = frozenset(
    """
    a about after ah all also although am an and any are as at be because been before both but by can could
    dear did do does during each every everyone excuse few finally first for from good great greetings had
    has have he hello her here hey hi him his how however i if in into is it its just last lately let like
    many may me meanwhile meet more morning most much my name nice no nobody none nope not note now of oh ok
    okay on once one or our ours pardon people please quick quite re regards she should since so some
    somebody someone sorry still such thank thanks that the their them then there these they this those
    though three to today tomorrow tonight two until up us very was we well were what when where whether
    which while who whom whose why will with without would wow yeah yep yes yesterday yet you your yours
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august
    september october november december evening afternoon night introducing presenting say says said call
    contact email phone age aged name's currently originally born ps fyi btw
    """.split()
)
"""Words that start with a capital without naming anybody."""

TITLES = ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

UNITS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen".split()
    )
}
TENS = {
    word: 10 * (at + 2)
    for at, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
}
SCALE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}

SURELY_BEFORE_NAME = _phrases(
    """
    name| name is| name's| name’s| call me| named| called| i am| i'm| i’m| im| this is| goes by| go by|
    known as
    """
)
"""What stands before a name when somebody is introduced."""

MAYBE_BEFORE_NAME = _phrases(
    """
    it is| it's| it’s| meet| introduce| introducing| from| by| dear| yours| regards| cheers| thanks|
    speaker| customer| patient| author| contact| user| employee| client| guest| signed| mr| mrs| ms| miss|
    mx| dr| prof| sir| mr.| mrs.| ms.| dr.| prof.
    """
)
"""What often stands before a name."""

BEFORE_PLACE = _phrases(
    """
    in| from| near| at| to| visit| visited| visiting| city of| in the
    """
)
"""What stands before a place."""

BEFORE_ORGANISATION = _phrases(
    """
    at| for| with| joined| join| founded| left| employer| company| at the| for the| with the
    """
)
"""What stands before an employer."""
