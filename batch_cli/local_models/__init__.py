"""Models that run in this process: samples, and functions of the user's own code."""
