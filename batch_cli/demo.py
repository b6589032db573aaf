"""The ten-prompt demo: what a first run submits, and the model its answers have to fit."""

from __future__ import annotations

from pydantic import BaseModel


class User(BaseModel):
    """A person who is named in a text."""

    name: str
    age: int


PROMPTS = (
    "Hello, my name is Alice, I turned 28 in spring, and I write firmware for a living.",
    "Bob here. I'm 35, a father of two, and I spend most weekends on my bike.",
    "This is Sarah. At 42 I finally opened my own bakery.",
    "You can call me John. I'm a 29-year-old nurse on the night shift.",
    "I'm Emma, 33 years old, and I moved to the coast with my 3 cats last year.",
    "My name is Michael. I have been driving trains for 20 years, and I am 45 years old now.",
    "Hi, Lisa speaking! I'm 31 and I teach chemistry to teenagers.",
    "The new gardener is called David, he is aged 38 and grows 12 kinds of tomatoes.",
    "Good morning! It's Jessica, twenty-six years old, fresh from law school.",
    "Dear team, thanks for the 2 cakes on my birthday. Being 41 is fine so far. Yours, Ryan",
)
"""One prompt each for Alice 28, Bob 35, Sarah 42, John 29, Emma 33, Michael 45, Lisa 31, David 38, Jessica 26, Ryan 41."""
