"""Handlers that answer rows with predictions: of a server that is asked for several at once, or of a model in this process."""
