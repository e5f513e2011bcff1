"""A person in the loop: a model and people's grades of its pictures -> the next version of the model.

    grades (a file, or a service's GET /ratings) -> [rating] -> loop -> export

Read in this order:

    grades      what people said, read from a file or a service
    graded      the pictures that they said it of, drawn again
    parent      the model that it goes on from
    preference  what they like, learned
    looking     what the reward sees, and its grades
    agreement   how well held-out grades are predicted
    tilt        how often each real picture is shown from here on
    standing    what came of it, and whether to refuse it
    round       all of it: one version further
    rehearsal   the same with a grader made of labels, before a person spends an hour
"""
