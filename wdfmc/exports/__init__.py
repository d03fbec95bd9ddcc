"""A flat instance for other people's tools, so that a verdict can be cross-checked."""
