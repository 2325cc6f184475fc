"""A model that judges answers beside the rules, for evaluation only: it is asked where rules do not say "correct".

settings.py   the settings of a judge
prompts.py    the question to a judge and how its reply is read, by prompts.toml
asking.py     each pair of answers is asked once, its judgement appended to a file
labelled.py   a labelled set, by which a judge is measured
chosen.py     which solutions a judge is asked of, and for the sake of agreement a sample of those that rules accept
summary.py    judgements -> the accuracy by rules, with the judge, and corrected for its errors

Verdicts, accuracies, rewards and what is trained on never depend on a judge: none of them imports this package.
"""

from slipstick.judge.asking import JUDGEMENTS, Judgement, Pair, ask
from slipstick.judge.settings import JudgeSettings
from slipstick.judge.summary import JUDGED, JudgeSummary, read_summary

__all__ = ["JUDGED", "JUDGEMENTS", "JudgeSettings", "JudgeSummary", "Judgement", "Pair", "ask", "read_summary"]
