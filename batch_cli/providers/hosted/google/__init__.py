"""Google's batches on the Gemini API: requests from an uploaded file, or brought along by the create."""
