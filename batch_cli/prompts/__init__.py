"""Single prompts, sent now to a live model and answered in order: no batch, no state, everything in memory."""
