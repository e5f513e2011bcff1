"""Stress tests: what a service meets on a bad day, each an experiment with limits and what was found.

    server, bench.client, bench.sampler -> harness, watch -> overload, ..., soak -> record -> __main__ -> 0 or 1

    python -m load.stress EXPERIMENT [--short] [--out FOLDER]

    __main__      which experiment, on which model
    harness       the service under stress, and the counters of its /metrics
    watch         what others notice meanwhile: probes, memory, threads, the same pictures
    overload      backpressure: more requests than it can answer; `overloads` is the table of loads and models
    batching      dynamic batching: fairness to single images, clients that hang up, throughput with and without it
    determinism   the same bytes, whatever the batch, the concurrency, the file format, and after a restart
    crash         `kill -9` or SIGSTOP (hang) of a worker under load: another one draws the same bytes
    mutations     ten thousand requests with wrong bytes
    slow_clients  slow headers, bodies and readers, and idle connections
    contract      the OpenAPI document against the service, by schemathesis
    soak          half an hour of everything: errors, and growth of memory, files and threads
    bulk          a million pictures at the engine's rate, killed 20 times, and compared with what the service draws
    trainer       latency at half load while `zoetrope trainer` trains on the same cores, and while it stands still
    record        results in a folder; what is there is not run again

`--short` runs each in seconds, with the same limits where they make sense, as CI does. What
the service does not measure is reported as not measured, and counts as failed.
"""
