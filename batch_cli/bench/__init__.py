"""Measures of servers and functions: how fast they answer, how evenly, and whether always the same."""
