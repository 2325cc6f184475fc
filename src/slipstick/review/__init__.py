"""People go through suspects and samples; every decision is a line of a store that only grows.

`decisions` is that store, `queue` what there is to decide, `corrections` what comes of it, `screen` a terminal over all
three. Nothing but `screen` knows of a terminal, so that another front can share the store.
"""
