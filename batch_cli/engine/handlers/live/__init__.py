"""Answers requests by sending each to a live model server that speaks OpenAI's wire."""
