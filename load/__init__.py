"""HTTP, FROM OUTSIDE: many people ask at once, and the answers are held against goals. Imports nothing of ours.

    service (over HTTP) -> load -> a table of goals, HTML reports

Three commands: `python -m load` lets people ask and holds the answers against goals, `python -m load.bench`
measures the service beside its peers, `python -m load.stress` makes it hard for it. Read in this order:

    __main__     `python -m load`: start, measure, drive, judge, stop
    stages       the profiles, as tables: who asks, how many of them, for how long
    locustfile   what people want, how often they ask, and the shape of the load; Locust runs it
    answers      what is wrong with an answer, from its bytes
    goals        what must hold, as a table; Locust's figures -> verdicts
    engine       what the generator alone makes on the same cores, in the same run
    server       a server as a process: started, asked whether it is ready, stopped

    bench        `python -m load.bench`: all contenders, one run, one table
    cells        what is asked, as tables
    contenders   who is measured, as a table; peers/ holds those that are not ours
    client       a light HTTP client
    meter        CPU and memory of a process and all below it
    window       some callers, for some time, and what that took
    alone        what is measured without HTTP
    rounds       everybody in every cell, and then all of it again
    figures      medians and ratios of what was found
    claims       what must be shown, as a table of ratios
    hardware     the machine and the libraries that the figures are of
    markdown     figures and claims -> the tables of README.md

    gate         `python -m load.bench.gate`: a small bench against committed ratios
    siege/       `python -m load.stress`: overload, unfairness, hanging up, a crowd, sameness, an hour
"""
