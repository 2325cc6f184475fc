"""People review suspects and samples; every decision is a line of a file that only grows.

    decisions     that file, and what reviewers say now
    queue         what there is to review, and which of it a reviewer is shown
    screen        shows it in a terminal and writes the decisions
    corrections   labels that enough reviewers agree are wrong

Only `screen` knows a terminal, so that another front end can share the rest.
"""
