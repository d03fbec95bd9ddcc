"""Runs of a model that a person steps through: the system with one transition a statement, runs, and the session."""
