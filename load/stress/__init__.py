"""The siege: what a service meets on a bad day, each an experiment with what is wanted and what was found.

    server -> [siege] -> HTTP -> verdicts

    python -m load.stress overload | fairness | hangup | callers | same | soak

Read in this order:

    __main__     which experiment, on which model
    stand        the service that is besieged, and what its /metrics says
    overload     five times as many questions as it can answer, for a minute
    fairness     one picture, while somebody fetches ten thousand
    hangup       a thousand callers who hang up at once
    callers      64 callers of one picture each, drawn together against one by one
    same         the same bytes, however they are asked for
    soak         half an hour of everything

What the service does not have yet is told as missing, and counts as missed.
"""
