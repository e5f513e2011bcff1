"""PICTURES -> batches: pictures as people have them, read, labelled, split and cached.

    a path -> folders (ours, labels, layout), parquet, sources -> decode (shape) -> splits -> cache -> dataset
           -> batches -> methods

Read in this order:

    dataset     open_pictures: the one door, and what comes out of it
    reading     what a person asks of labels, loose pictures and transparency
    sources     what every source gives: encoded files, or an array; idx files
    folders     folders and zips of pictures
    ours        what a run of ours wrote, which is never read
    layout      what folders mean: a wrapper, a part, a class, or nothing
    labels      files of labels: dataset.json, metadata.csv and the like
    parquet     parquet files, as Hugging Face writes them
    shape       the size, the channels, and crop, pad or stretch
    memory      how many bytes that may hold
    depth       deep pixels on one scale, transparency on a background
    decode      encoded files -> pixels in parallel, or the reason why not
    splits      train and test parts; Stacked-MNIST, made of any grey source
    cache       the second reading takes no time
    batches     the pictures and random numbers of a training step
"""
