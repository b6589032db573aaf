"""What a command says about the cluster that is to answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterWishes:
    """A Ray cluster."""

    address: str | None = None
    """Such as ``host:6379`` or ``ray://host:10001``; None: one is started on this machine."""
