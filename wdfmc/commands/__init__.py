"""The commands, one module each: its `command` is what `wdfmc NAME` runs. What one needs is imported inside it."""
