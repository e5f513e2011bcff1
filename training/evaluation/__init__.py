"""Evaluation: a bundle and real pictures -> scores in its card, measured on the file that is shipped.

    quality_metrics -> evaluator, wavelets, imagenet -> reference -> evaluate -> card.json, scores_table
    faults, controls -> evaluator_store -----------------------------^
    intervals, per_class, modes, inception --------------------------^
    features -> usefulness, membership -> in_use ---------------------^

Read in this order:

    evaluate         a bundle and real pictures -> scores, all of it together
    evaluator        the classifier whose features pictures are compared in
    evaluator_store  finds the evaluator for a data set, or trains it
    faults           what an evaluator learns next to the classes: how spoilt a picture is
    controls         pictures of known quality, which an evaluator must order rightly to be believed
    wavelets         an evaluator for pictures without labels, without a network
    imagenet         features of a network that learned from photos, where its weights are installed
    reference        real pictures in those features: floors
    intervals        how far figures of few pictures can be trusted
    quality_metrics  Frechet and kernel distance, precision and recall, memorisation, reconstruction
    per_class        the same scores class by class, and which class is drawn worst
    scores_table     the scores for a person
    modes            Stacked-MNIST: mode coverage of the 1,000 triples
    features         features for the next three, of pictures that are drawn and extracted once
    usefulness       what drawn pictures are worth to a classifier, by the linear probe of
    probe            logistic regression on features
    membership       an attack that tells training pictures by what a model draws
    in_use           asks the last ones, where they can be asked
    inception        the canonical Inception FID, where its weights are available
    index_writer     an index of the training pictures: is a drawn picture copied from one of them?

No generator is ever trained on an evaluator: it could no longer be evaluated by it.
"""
