"""The dialects of request lines, read into the neutral form and written from it: pure functions, no I/O."""
