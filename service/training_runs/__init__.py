"""TRAINING ON THIS MACHINE, as it goes: what `zoetrope fit` writes into runs/<name>/, read within bounds.

    runs/<name>/ -> folder -> overview -> routes/runs
                    curves ---^

Training is another process, whose files are all that this side knows: torch and
`training` are not imported. Whatever lies in the folder, a service goes on. Read in this order:

    folder    one run's files: which may be read, and how much of them
    curves    a log -> curves of a few points
    overview  the folder of runs -> what the routes answer
    schemas   the answers
"""
