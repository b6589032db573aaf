"""Providers that run batches elsewhere: what they share, and one module for each wire."""
