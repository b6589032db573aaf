"""The simulated model: rules that read a text and fill a schema, no model and no network."""
