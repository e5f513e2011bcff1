"""Bulk sampling: a data set of any number of pictures, in shards that are pure functions of their address.

    options -> command -> job -> run, cluster -> shards (draw -> writers) -> store -> a folder, or a bucket
                                  |                                            ^
                                  `-> manifest, data_card, croissant ----------'

Read in this order:

    job        all that decides the bytes of a data set, and which addresses a shard holds
    store      where files lie: there or not, put if absent, read
    remote_store, s3_store
               the same in a bucket, through fsspec and s3fs (extra `s3`)
    writers    pictures -> a Parquet file, a tar (WebDataset), a folder of PNGs
    shards     one shard: drawn, written, put in place, recorded
    manifest   the records of finished shards, and the digest of all of them
    run        which shards are left, drawn by several threads, and what lies there already
    shard_actor
               one process on a node of a cluster: draws as the job was begun, or not at all
    cluster    a Ray cluster in place of threads; `cluster_run` says which node makes which shard
    space      whether the disk holds it
    progress   images per second, time left, bytes
    data_card  README.md, with the header that the Hugging Face Hub reads
    croissant  croissant.json, for search engines and loaders of data sets
    command    the options of `zoetrope sample` that make a data set

A shard is the same bytes on any machine with the same engine, processor and
libraries, in whatever order shards are made and how often work was stopped. Knows
no HTTP; needs neither BentoML nor torch.
"""
