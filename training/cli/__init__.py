"""The command line of training: one file a command.

    argv -> app -> fit, finetune, evaluate, compare, simulate, doctor, export, profile -> plan, api and the packages

A command parses, calls and prints; what it does is in `plan`, `api` and the
packages. None imports another, and none loads torch before it has to: `--help`
and errors in options are there at once.
"""
