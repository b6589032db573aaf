"""What the examples are about: the model their answers have to fit, and the ten prompts of the demo."""

from __future__ import annotations

from batch_cli.demo import PROMPTS, User

__all__ = ["PROMPTS", "User"]
