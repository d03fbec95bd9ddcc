"""wdfmc: a model checker for the request state machines of WDF drivers."""

__version__ = "0.1.0"
