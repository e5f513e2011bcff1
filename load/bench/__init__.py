"""The benchmark: the service next to its peers, in one run."""
