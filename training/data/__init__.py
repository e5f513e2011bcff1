"""PICTURES -> one uint8 array: pictures as people have them, read, labelled, parted and kept.

    a path -> sources -> reading (decode, shape) -> parts -> cache -> data -> loop

Read in this order:

    data        open_pictures: the one door, and what comes out of it
    kinds       what every kind of source gives: encoded files, or an array
    sources     what a path is (folders: also zips; parquet; idx; scikit-learn's digits)
    shape       the size, the channels, and crop, pad or stretch
    decode      one encoded file -> pixels, or the reason why not
    reading     all of them, in parallel
    parts       train and test
    cache       the second reading takes no time
    stacked     Stacked-MNIST, made of any grey source
"""
