"""The engine's handlers on other machines, by Ray; the store, the claims and the results stay here."""
