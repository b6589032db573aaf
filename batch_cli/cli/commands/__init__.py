"""One file for each command: its options, its examples, and a run function that calls the core."""
