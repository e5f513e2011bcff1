"""Comparison of models of one data set: one table, one picture, one page.

    recipes -> compare (train, evaluate) -> table -> comparison -> runs/compare-<data>/

Read in this order:

    recipes      the ways to train that are known by a word; entries of a comparison
    compare      trains what is missing, and evaluates all alike
    table        rows and columns: pictures and figures of each method
    comparison   all of it in files, and one page
"""
