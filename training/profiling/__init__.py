"""Profiling: how fast a machine trains and draws, and how far that is from its limits.

timing -> train_step (a training step, eager and compiled)  -> the command `profile`
          engines (the engines that serve, and torch)       -^
"""
