"""PICTURES -> batches: pictures as people have them, read, labelled, split and cached.

    a path -> sources, parquet -> decode (shape) -> splits -> cache -> dataset -> batches -> methods

Read in this order:

    dataset     open_pictures: the one door, and what comes out of it
    sources     folders, zips and idx files; what every source gives: encoded files, or an array
    parquet     parquet files, as Hugging Face writes them
    shape       the size, the channels, and crop, pad or stretch
    decode      encoded files -> pixels in parallel, or the reason why not
    splits      train and test parts; Stacked-MNIST, made of any grey source
    cache       the second reading takes no time
    batches     the pictures and random numbers of a training step
"""
