"""BUNDLE + REAL PICTURES -> SCORES: how good a model is, on the file that is shipped.

    bundle -> judge (classifier or wavelets; distances, manifold, memorisation, modes) -> card.json

Read in this order:

    judge           a bundle and real pictures -> scores, all of it together
    classifier      the judge network: pictures -> features and classes
    fitting         labelled pictures -> a judge, and where judges are kept
    distances       Frechet distance and kernel distance between two sets of features
    manifold        precision, recall, density and coverage
    wavelets        the distance for pictures without labels, which needs no network
    memorisation    did the model learn its training pictures by heart?
    modes           Stacked-MNIST: how many of the thousand
    recovery        what an encoder keeps: PSNR, PCA's PSNR, active units
    inception       the canonical Inception FID, for those who have its weights
    table           the scores for people

No judge is ever used in training: what is trained on a judge's opinion can no
longer be judged by it.
"""
