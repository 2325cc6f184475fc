"""The verdict as a reward, in the shapes that trainers expect. None is a verdict that could not be reached: skip it."""

from slipstick.rewards import trl, verl

COMPLETIONS = ["6 * 7 = 42, so \\boxed{42}", "I would say \\boxed{41}.", "No idea."]
EXPECTED = ["42", "42", "42"]

# TRL: GRPOTrainer(reward_funcs=[trl.reward]) calls it so; columns of the dataset come as keywords.
print("TRL      ", trl.reward(completions=COMPLETIONS, answer=EXPECTED))

# verl: custom_reward_function.path / .name
print("verl     ", [verl.compute_score("gsm8k", text, gold) for text, gold in zip(COMPLETIONS, EXPECTED, strict=True)])

# OpenRLHF: slipstick.rewards.openrlhf.reward_func, named by --reward.remote_url; it gives tensors, so it needs torch.
