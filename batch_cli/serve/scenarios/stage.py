"""Which scenario is played, and how far its counters are.

The event loop asks for requests, the conductor's thread for batches; the scenario can be changed meanwhile. The
counters are in memory: a server that is started again counts from 1.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from batch_cli.model import JsonObject
from batch_cli.serve.scenarios.scenario import Rule, Scenario
from batch_cli.serve.scenarios.seed import draw


class Stage:
    """The scenario of one server."""

    def __init__(self, scenario: Scenario, seed: int, log: Callable[[str], None]) -> None:
        """Play ``scenario``; ``seed`` decides where it has none of its own."""
        self._own_seed, self._log = seed, log
        self._lock = threading.Lock()
        self.change(scenario)

    def change(self, scenario: Scenario) -> None:
        """Play another scenario; all counters start anew. What has befallen batches stays."""
        with self._lock:
            self._scenario = scenario
            self._seed = self._own_seed if scenario.seed is None else scenario.seed
            self._seen = [0] * len(scenario.rules)
            self._hits = [0] * len(scenario.rules)
            self._batches = 0

    def fault(self, method: str, path: str) -> Rule | None:
        """Count a request, and give the rule that hits it. Every rule of its route counts it."""
        with self._lock:
            hit = None
            for at, rule in enumerate(self._scenario.rules):
                if not rule.route.matches(method, path):
                    continue
                self._seen[at] += 1
                luck = draw(self._seed, "request", at, self._seen[at])
                if hit is None and rule.choice.hits(self._seen[at], luck):
                    hit = at
            if hit is None:
                return None
            self._hits[hit] += 1
            rule = self._scenario.rules[hit]
            number = self._seen[hit]
        self._log(f"scenario: {rule.fault} for request {number} of {rule.route.text} (rule {hit + 1})")
        return rule

    def effects(self) -> JsonObject:
        """Count a batch, and give what befalls it, with the ``seed`` for it; empty if nothing does."""
        with self._lock:
            self._batches += 1
            number = self._batches
            found = self._scenario.effects(self._seed, number)
            seed = int(draw(self._seed, "rows", number) * 2**53)
        return {**found, "seed": seed} if found else {}

    def state(self) -> JsonObject:
        """Give what is played, and the counters."""
        with self._lock:
            return {
                "name": self._scenario.name,
                "description": self._scenario.about,
                "seed": self._seed,
                "rules": [
                    {"route": rule.route.text, "fault": rule.fault, "requests": seen, "hits": hits}
                    for rule, seen, hits in zip(self._scenario.rules, self._seen, self._hits, strict=True)
                ],
                "batches": self._batches,
            }
