"""What people think of pictures: kept for ever, given back as a file.

    HTTP -> routes/ratings -> grades -> a database
                                  +---> CSV or parquet -> training

Read in this order:

    grade     one grade, bound to a picture's whole address
    store     a database that only grows: SQLite, or PostgreSQL where several services share it
"""
