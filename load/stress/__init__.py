"""Stress tests: what a service meets on a bad day, each an experiment with limits and what was found.

    server, bench.client, bench.sampler -> harness -> overload, batching, determinism, crash, soak -> __main__ -> 0 or 1

    python -m load.stress overload | fairness | hangup | batching | determinism | crash | hang | soak | all  [--short]

    __main__     which experiment, on which model
    harness      the service under stress, and the counters of its /metrics
    overload     backpressure: five times as many requests as it can answer, for a minute
    batching     dynamic batching: fairness to single images, clients that hang up, throughput with and without it
    determinism  the same bytes, whatever the batch, the concurrency, the file format, and after a restart
    crash        `kill -9` or SIGSTOP (hang) of a worker under load: another one draws the same bytes
    soak         half an hour of everything: errors, and growth of memory

`--short` runs each in seconds, with the same limits where they make sense, as CI does. What
the service does not measure is reported as not measured, and counts as failed.
"""
