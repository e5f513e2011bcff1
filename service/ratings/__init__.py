"""People's grades of pictures: stored in a database that only grows, and given back as a file for training.

    POST /ratings -> store -> database -> tabular -> GET /ratings (CSV, Parquet) -> training
    registry, models.active_learning -> candidates -> GET /ratings/batch

    grade        the types: a picture, a grade, a summary, and the errors; imports no database library
    store        insert idempotently, read in pages, summarise
    database     tables and connections: SQLite, or PostgreSQL where several services share it
    tabular      grades as CSV or Parquet
    candidates   which pictures a person is asked to grade next (active learning)
    schemas      bodies and queries of the routes, with their bounds

    store -> database        tabular, candidates, store, schemas -> grade

Table and column names are the format of existing databases and files, and stay.
"""
