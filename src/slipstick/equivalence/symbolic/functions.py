r"""The functions and letters an expression may name, in every spelling, and the one name each has in the tree."""

from types import MappingProxyType
from typing import Final

_TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
_CIRCULAR = (*_TRIGONOMETRIC, *(name + "h" for name in _TRIGONOMETRIC))
_SPELLINGS = {
    "sqrt": "sqrt", "cbrt": "cbrt", "abs": "abs", "exp": "exp", "ln": "ln", "lg": "log10", "lb": "log2",
    "log2": "log2", "log10": "log10", "floor": "floor", "ceil": "ceil", "ceiling": "ceil", "sign": "sign",
    "sgn": "sign", "signum": "sign", "re": "re", "Re": "re", "im": "im", "Im": "im", "conj": "conjugate",
    "conjugate": "conjugate", "cotan": "cot", "cosech": "csch", "cotanh": "coth",
    "arccotan": "arccot", "acotan": "arccot", "arccosec": "arccsc", "acosec": "arccsc", "arccosech": "arccsch",
    "acosech": "arccsch", "acotanh": "arccoth",
    "arg": "arg", "tg": "tan", "ctg": "cot", "cotg": "cot", "cosec": "csc", "sen": "sin",
    "arctg": "arctan", "arcctg": "arccot", "cis": "cis", "erf": "erf",
    "factorial": "factorial", "atan2": "atan2",
    "arctan2": "atan2", "gcd": "gcd", "GCD": "gcd",
    "lcm": "lcm", "LCM": "lcm", "min": "min", "Min": "min", "max": "max", "Max": "max", "mod": "mod", "Mod": "mod",
    "binom": "binomial", "binomial": "binomial", "nCr": "binomial", "comb": "binomial", "nPr": "permutations",
    "perm": "permutations", "root": "root", "nthroot": "root", "pow": "^", "Pow": "^", "Abs": "abs",
    "Fraction": "quotient", "Rational": "quotient", "frac": "quotient",
}  # fmt: skip

INVERSES: Final = MappingProxyType({name: "arc" + name for name in _CIRCULAR})
"""sin -> arcsin: what sin^{-1} means."""
FUNCTIONS: Final = MappingProxyType(
    _SPELLINGS
    | dict(zip(_CIRCULAR, _CIRCULAR, strict=True))
    | {prefix + name: "arc" + name for name in _CIRCULAR for prefix in ("arc", "a", "ar")}
)
"""Spelling -> name in the tree. `log` is not here: its base depends on where it stands."""
UNBRACKETED: Final = frozenset(
    spelling
    for spelling, name in FUNCTIONS.items()
    if name.removeprefix("arc") in _CIRCULAR or name in ("ln", "log10", "log2", "exp", "sqrt", "cbrt", "cis")
) | {"log"}
"""Functions that take an argument without brackets."""
ARGUMENTS: Final = MappingProxyType(
    {"gcd": (1, 20), "lcm": (1, 20), "min": (1, 20), "max": (1, 20)}
    | dict.fromkeys(("atan2", "log_base", "mod", "binomial", "permutations", "root", "^", "quotient"), (2, 2))
)
"""How many arguments a function takes, least and most, if it is not one."""
APPLIED: Final = frozenset("fghFGH")
"""Letters that are functions if a bracket follows: f(x), but x(y) is a product."""
GREEK: Final = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
     "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
     "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell", "hbar")
)  # fmt: skip
INDICES: Final = (
    "max", "min", "net", "total", "tot", "avg", "ave", "mean", "out", "in", "eff", "eq", "rms", "ext", "int", "kin",
    "pot", "rel", "new", "old", "left", "right", "top", "start", "end", "final", "initial", "init", "perp", "opt",
    "crit", "cm", "ij", "ji", "jk", "ik",
)  # fmt: skip
"""Names that are one index without braces, x_max; of other letters the first is, k_BT is k_B T."""
CONSTANTS: Final = MappingProxyType(
    {"pi": "pi", "Pi": "pi", "PI": "pi", "e": "e", "i": "i"}
    | dict.fromkeys(("oo", "inf", "infinity", "infty"), "infinity")
)
GREEK_FUNCTIONS: Final = MappingProxyType({"Gamma": "gamma", "zeta": "zeta"})
"""Greek letters that are functions if a bracket follows."""
_JOINED_GREEK = ("pi", "theta", "alpha", "beta", "omega", "lambda", "sigma", "gamma", "delta")
JOINED: Final = tuple(
    sorted(({name for name in UNBRACKETED if len(name) > 1} | set(_JOINED_GREEK)), key=len, reverse=True)
)
"""Names that are found at either end of a run of letters (sinx, xln, 2pir), longest first."""
