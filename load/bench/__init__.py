"""The benchmark: the service next to its own engine and to other servers, in one run; and the gate in CI.

    workloads -> servers -> runner -> measurements -> criteria -> report -> load/README.md
                                                   -> gate <- load/ratios.json
                                                   -> marks
                               servers -> sampler  -> workers
                               servers -> starts
    load/README.md -> last_run -> scale -> deploy/SCALE.md
        deploy/measured.json --^

    __main__      `python -m load.bench`: everything, one run, one table; `python -m load.bench gate`: three ratios
    workloads     what is requested, as tables
    servers       the servers under test, as a table; peers/ holds those that are not ours
    client        a light HTTP client
    sampler       one sample: closed-loop clients, CPU and memory of the server's processes
    runner        every server and baseline in every workload, and then all of it again
    measurements  samples, and their medians and ratios
    criteria      what must be shown, as a table of ratios
    report        machine, measurements and criteria as Markdown
    gate          a small benchmark against committed ratios
    marks         what it costs that pictures say how they were made
    last_run      what load/README.md holds of the last run
    scale         what 1, 100 and 10,000 replicas would draw, send and cost: arithmetic on what was measured
    starts        how long a start takes, next to an empty service
    workers       one worker with all cores against one worker a core, and which part is the limit

A server is measured over HTTP; a baseline without it, by `python -m zoetrope benchmark` in a process of its own.
"""
