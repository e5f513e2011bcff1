"""HTTP, FROM OUTSIDE: many people ask at once, and the answers are held against goals. Imports nothing of ours.

    service (over HTTP) -> load -> a table of goals, HTML reports

Read in this order:

    __main__     `python -m load`: start, measure, drive, judge, stop
    stages       the profiles, as tables: who asks, how many of them, for how long
    locustfile   what people want, how often they ask, and the shape of the load; Locust runs it
    answers      what is wrong with an answer, from its bytes
    goals        what must hold, as a table; Locust's figures -> verdicts
    engine       what the generator alone makes on the same cores, in the same run
    server       the service as a process: started, asked whether it is ready, stopped
"""
