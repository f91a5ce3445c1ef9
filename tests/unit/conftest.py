"""How much the unit tests may search: the whole unit part runs in seconds."""

from hypothesis import settings

settings.register_profile("unit", max_examples=40, deadline=None)
settings.load_profile("unit")
