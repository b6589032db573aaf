"""The batch server: an HTTP server that speaks the providers' wires, on top of the local engine."""
