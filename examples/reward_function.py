"""The verdict as a reward, in the signatures that trainers expect. None means undecided: the trainer skips it."""

from slipstick.rewards import trl, verl

COMPLETIONS = ["6 * 7 = 42, so \\boxed{42}", "I would say \\boxed{41}.", "No idea."]
EXPECTED = ["42", "42", "42"]

# TRL: GRPOTrainer(reward_funcs=[trl.reward]) calls it like this; the dataset's columns are keyword arguments.
print("TRL      ", trl.reward(completions=COMPLETIONS, answer=EXPECTED))

# verl: custom_reward_function.path / .name
print("verl     ", [verl.compute_score("gsm8k", text, gold) for text, gold in zip(COMPLETIONS, EXPECTED, strict=True)])

# OpenRLHF: slipstick.rewards.openrlhf.reward_func, set by --reward.remote_url; it returns tensors, so it needs torch.
