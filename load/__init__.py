"""Load tests, benchmarks and stress tests: HTTP from outside. Imports nothing of models, service or training.

    service (over HTTP) -> load -> check results, HTML reports, the tables of README.md

Three commands. `python -m load` is the load test: concurrent users, every answer checked, latency and throughput
against goals. `python -m load.bench` compares the service with its engine and with other servers, and `gate` there
holds it against committed ratios. `python -m load.stress` runs what a service meets on a bad day. A newcomer reads:

    __main__      `python -m load`: start the service, measure its engine, run Locust, check, stop
    profiles      the load profiles, as a table: which users, how many, for how long
    locustfile    the users and the shape of the load; Locust runs it
    answers       what is wrong with an answer, from its bytes
    goals         what must hold, as a table; Locust's statistics -> check results
    check_result  one result type for every check of load/
    server        a server as a process: started, waited for until it is ready and warm, stopped

Below lie `bench/` and `stress/`, each with a flow of its own in its `__init__`; `siege` is the old name of `stress`.
"""

import os

# Servers that are measured here report home by default; they read this when they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
