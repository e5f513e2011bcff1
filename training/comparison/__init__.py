"""Comparing: several models of one data set, side by side: one table, one picture, one page.

    recipes, bundles -> entries -> commands.compare (trains, judges) -> rows -> columns, strips -> comparison

Read in this order:

    recipes      the ways to learn that are trained by a word
    entries      a word of the command line -> a recipe or a bundle
    rows         a judged bundle -> what it draws, and what comes back through it
    columns      the table: which figures, and how they are said
    strips       the pictures: a row a method, the same addresses
    comparison   all of it in files, and one page
"""
