"""A provider asked live: the same batches, run by our own engine against its endpoints for single requests."""
