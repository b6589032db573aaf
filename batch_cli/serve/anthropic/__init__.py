"""The Anthropic wire, under ``/v1``: message batches, messages, models."""
