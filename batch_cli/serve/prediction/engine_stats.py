"""What the PyTorch server counts while it runs, as ``/stats`` and ``/health`` show it."""

from __future__ import annotations

from dataclasses import dataclass

from batch_cli.model import JsonObject


@dataclass(slots=True)
class EngineStats:
    """Counts since the start; nothing is kept of a single request."""

    requests: int = 0
    """Inputs, not calls: a batch of five counts five."""
    batches: int = 0
    errors: int = 0
    seconds: float = 0.0
    current_batch_size: int = 0

    def record(self, *, inputs: int, errors: int, seconds: float) -> None:
        """Count one call."""
        self.requests += inputs
        self.batches += 1
        self.errors += errors
        self.seconds += seconds
        self.current_batch_size = inputs

    def as_json(self) -> JsonObject:
        """Give the counts under the server's own names; rates are 0 before the first call."""
        return {
            "requests_processed": self.requests,
            "batches_processed": self.batches,
            "total_processing_time": self.seconds,
            "average_batch_size": self.requests / self.batches if self.batches else 0.0,
            "errors": self.errors,
            "average_processing_time": self.seconds / self.batches if self.batches else 0.0,
            "throughput_rps": self.requests / self.seconds if self.seconds > 0 else 0.0,
            "current_batch_size": self.current_batch_size,
            "queue_size": 0,
            "running": True,
            "memory_usage": {},
        }

    def report(self) -> JsonObject:
        """Give the performance report: averages per call in milliseconds, and the share of failed inputs."""
        counts = self.as_json()
        return {
            "average_latency_ms": counts["average_processing_time"] * 1000,
            "throughput_rps": counts["throughput_rps"],
            "average_batch_size": counts["average_batch_size"],
            "error_rate": self.errors / self.requests if self.requests else 0.0,
        }
