"""The OpenAI wire, under ``/v1``: files, uploads, batches, models, and the endpoints of models live."""
