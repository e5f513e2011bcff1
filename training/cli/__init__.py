"""The command line of training: one file a command.

    argv -> app -> fit, finetune, evaluate, compare, simulate, doctor, export, shrink, profile, trainer -> plan, api

    app        the commands, and the old names that still run
    options    arguments that several commands have
    show_plan  a plan in a few lines, asked about and carried out
    console    progress and errors on the terminal

A command parses, calls and prints; what it does is in `plan`, `api` and the
packages. None imports another, and none loads torch before it has to: `--help`
and errors in options are there at once.
"""
