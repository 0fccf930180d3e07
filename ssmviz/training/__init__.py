"""One generator that trains: `loop.train(settings, checkpoint)`. Pages, command line and tests use the same one.

Nothing is imported here, so that the command line can refuse bad arguments before torch is loaded.
"""
