"""The OpenAI wire, under ``/v1``: files, batches, models, and the four endpoints live."""
