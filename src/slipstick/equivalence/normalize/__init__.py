"""How answers are written: white space, signs, LaTeX variants, Unicode, what programs print; and the words known."""
