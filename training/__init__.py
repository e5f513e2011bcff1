"""PICTURES -> BUNDLE: learns to draw from people's pictures. The only room that knows torch.

    pictures/ -> gan (networks, losses) -> loop -> export -> models/<name>/

Read in this order:

    presets     every setting of a run, and the named sets of them
    pictures    a package: pictures of any kind -> one uint8 array, with labels
    networks    the generator and the discriminator
    losses      what each of the two tries to minimise
    gan         the two updates, side by side: the heart
    ema         the averaged generator, the one that is exported
    run         a run's folder: its configuration, log, sheets and checkpoint
    loop        the one loop, counted in images
    export      a checkpoint -> ONNX -> a bundle
    judging/    a bundle and real pictures -> scores in its card
    __main__    `python -m training fit | export`
"""
