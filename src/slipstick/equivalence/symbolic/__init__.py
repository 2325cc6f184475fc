"""Mathematics: text is read into a tree, trees are evaluated with certain error bounds and held against each other."""
