"""Predictions of machine-learning servers and of models in this process: asked for, read, put together."""
