from __future__ import annotations

import pytest

from batch_cli.engine.handlers.simulate.evidence import Evidence


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hello there, I'm Priya Raghunathan from Pune.", "Priya Raghunathan"),
        ("The prize goes to Tomasz, who is 12.", "Tomasz"),
        ("My name is Jean-Luc van der Berg.", "Jean-Luc van der Berg"),
        ("O'Connor here, ready when you are.", "O'Connor"),
        ("Dr. Amara Okafor wrote the report.", "Amara Okafor"),
        ("my name is esra and i like maps", "Esra"),
        ("Speaker: Łukasz Żak", "Łukasz Żak"),
        ("Yesterday we met Noor in Utrecht.", "Noor"),
    ],
)
def test_the_person_a_text_is_about_is_found(text: str, name: str) -> None:
    assert Evidence(text).best_person == name


@pytest.mark.parametrize("text", ["", "Hello! How are you today?", "on monday it rained"])
def test_greetings_and_plain_words_are_nobody(text: str) -> None:
    assert Evidence(text).best_person is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("She is 34 and has 2 cats.", [34, 2]),
        ("thirty-four years", [34]),
        ("It cost $1,250.50, twelve thousand less", [1250.5, 12000]),
        ("minus: -4 degrees, range 5-7", [-4, 5, 7]),
        ("no one came, not even phone number nineteen", [19]),
        ("a 90th birthday and a 5kg cake", [90, 5]),
        ("version 1.2.3 of abc123", []),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, values: list[float]) -> None:
    assert [number.value for number in Evidence(text).numbers] == values


def test_digits_of_something_else_are_not_numbers() -> None:
    text = (
        "On 3 May 2024 at 14:30 call +49 30 1234567 or write to a1@example.com,"
        " https://example.com/99, id 123e4567-e89b-12d3-a456-426614174000: 7"
    )
    evidence = Evidence(text)

    assert [number.value for number in evidence.numbers] == [7]
    assert evidence.dates == ["2024-05-03"]
    assert evidence.times == ["14:30:00"]
    assert evidence.emails == ["a1@example.com"]
    assert evidence.urls == ["https://example.com/99"]
    assert evidence.uuids == ["123e4567-e89b-12d3-a456-426614174000"]
    assert evidence.phones == ["+49 30 1234567"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2023-12-31", "2023-12-31"),
        ("March 5th, 2021", "2021-03-05"),
        ("the 1st of September 1999", "1999-09-01"),
        ("31/12/2020", "2020-12-31"),
        ("12/31/2020", "2020-12-31"),
        ("29 Feb 2024", "2024-02-29"),
    ],
)
def test_dates_are_read_in_the_usual_forms(text: str, date: str) -> None:
    assert Evidence(text).dates == [date]


@pytest.mark.parametrize("text", ["2023-13-01", "30 Feb 2024", "99/99/2020"])
def test_days_that_no_calendar_has_are_no_dates(text: str) -> None:
    assert Evidence(text).dates == []


@pytest.mark.parametrize(
    ("text", "time"), [("at 9 am", "09:00:00"), ("12:05 p.m.", "12:05:00"), ("12 am", "00:00:00")]
)
def test_times_are_read_with_their_half_of_the_day(text: str, time: str) -> None:
    assert Evidence(text).times == [time]


def test_places_and_employers_follow_their_words() -> None:
    evidence = Evidence("Mara lives in Lisbon and works for Acme Gardens.")

    assert evidence.places == ["Lisbon"]
    assert evidence.organisations == ["Acme Gardens"]
