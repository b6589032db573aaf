"""Our own batch engine: a durable queue in the state directory and a worker that calls a handler."""
