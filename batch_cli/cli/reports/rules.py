"""What each code stands for, in one sentence: for reports that list their rules."""

from __future__ import annotations

_RULES = {
    "E101": "A file must not begin with a byte order mark.",
    "E102": "A file must be UTF-8.",
    "E103": "A file must be UTF-8, not UTF-16 or UTF-32.",
    "E104": "Control characters must be escaped.",
    "E105": "A line must not be longer than the limit.",
    "E106": "A file must not be compressed.",
    "E107": "A file must hold at least one request.",
    "E108": "A surrogate escape must be one half of a pair.",
    "E201": "Each line must be JSON.",
    "E202": "The last line must be complete.",
    "E203": "NaN and Infinity are not JSON.",
    "E204": "A key must stand in an object only once.",
    "E205": "A number must fit what JSON parsers hold.",
    "E206": "Values must not be nested too deep.",
    "E207": "Each request must be a JSON object.",
    "E208": "There must be no blank lines between requests.",
    "E209": "Each request must stand on a line of its own.",
    "E210": "A line must hold only one request.",
    "E301": "A required field is missing.",
    "E302": "A field has a value of the wrong type.",
    "E303": "A field that needs a value is empty.",
    "E304": "A field has a value that is not one of those allowed.",
    "E306": "An id holds characters that are not allowed.",
    "E307": "Each id must be unique in its file.",
    "E308": "All requests of a batch must name the same model.",
    "E309": "All requests of a batch must have the same url.",
    "E310": "A batch cannot stream.",
    "E311": "A number is out of its range.",
    "E312": "A line is in the format of another provider, or of another kind.",
    "E313": "A url is not one that takes batches.",
    "E315": "A line names another model than the command line does.",
    "E401": "A batch must not hold more requests than the limit.",
    "E402": "A file must not be larger than the limit.",
    "E403": "A request must not be larger than the limit.",
    "E404": "An id must not be longer than the limit.",
    "E501": "The file must exist.",
    "E502": "The input must be a file, not a directory.",
    "E503": "The file must be readable.",
    "E504": "The input must be a regular file.",
    "W208": "Blank lines at the end are left out.",
    "W301": "A field is not known and may be refused.",
}
_FAMILIES = {
    "1": "The bytes of a file must be acceptable.",
    "2": "Each line must be an acceptable JSON object.",
    "3": "A request must be what the provider takes.",
    "4": "A batch must keep to the provider's limits.",
    "5": "The file must be readable.",
}


def rule(code: str) -> str:
    """Say what the code stands for; for one that is not listed, what its family stands for."""
    return _RULES.get(code) or _FAMILIES.get(code[1:2], "The file must be valid.")
