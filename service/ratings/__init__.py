"""What people think of pictures: kept for ever, given back as a file.

    HTTP -> routes/ratings -> grades -> a database
                                  +---> CSV or parquet -> training

Read in this order:

    grade        one grade, bound to a picture's whole address
    tables       what the database holds
    database     it is opened, and away
    store        a database that only grows: SQLite, or PostgreSQL where several services share it
    files        the grades as CSV or parquet
    summary      all grades in a few numbers
    candidates   which pictures a person is asked to grade next (active learning)
    schemas      the shapes of questions and answers
"""
