"""A policy that balances a pole: the return of a short training against parameters.

    pip install "bonas[rl]"              # gymnasium
    python examples/gallery/cartpole.py  # two minutes on a core

Each policy is trained by proximal policy optimisation from 10,240 steps, three times. Its value is
the mean return of the last 20 training episodes: the return of the finished policy, without
exploration, varies from seed to seed as much as from network to network. At the end the best policy
with at most a quarter of the parameters of one with two layers of 64 is trained with ten new seeds,
and so is the large one.

Source: Schulman et al. (2017), "Proximal policy optimization algorithms".
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import nn

import bonas
from bonas.evaluation import ParameterCount

try:
    import gymnasium
except ImportError as error:
    raise SystemExit('this example plays CartPole: pip install "bonas[rl]"') from error

GAMMA, LAMBDA, CLIP = 0.99, 0.95, 0.2  # discount, of the advantages, of the ratios
WORLDS, HORIZON, PASSES, BATCH = 8, 128, 10, 256  # an update learns from 8 x 128 steps, ten times
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "silu": nn.SiLU}
LARGE = {"depth": 2, "width1": 64, "width2": 64, "activation": "tanh"}


@bonas.space(input=torch.zeros(1, 4))
def policies(choose):
    """Perceptrons from a state of four numbers to the logits of two actions."""
    activation, inputs, layers = choose("activation", ACTIVATIONS), 4, []
    for i in range(choose("depth", [0, 1, 2])):
        width = choose(f"width{i + 1}", [4, 8, 16, 24, 32, 64])
        layers += [nn.Linear(inputs, width), activation]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 2))


class Worlds:
    """Eight poles at once, and the returns of the episodes that ended.

    Gymnasium resets a world one step late: the step after the end of an episode ignores the action
    and returns the first state of the next episode, with reward 0. It is no transition of the task,
    so ``alive`` is 0 there, and nothing is learnt from it.
    """

    def __init__(self, seed):
        self.worlds = gymnasium.make_vec("CartPole-v1", WORLDS)
        self.state = torch.from_numpy(self.worlds.reset(seed=seed)[0])
        self.ended = np.zeros(WORLDS, bool)
        self.running, self.returns = np.zeros(WORLDS), []

    def step(self, actions):
        """Return state, reward, whether the pole fell, whether the episode ended, and alive."""
        alive = ~self.ended
        state, reward, fell, cut, _ = self.worlds.step(actions.numpy())
        self.ended = fell | cut
        self.running += reward
        self.returns += self.running[self.ended].tolist()
        self.running[self.ended] = 0
        self.state = torch.from_numpy(state)
        found = (reward, fell, self.ended, alive)
        return [self.state, *(torch.as_tensor(x, dtype=torch.float32) for x in found)]


def advantages(rewards, fell, ended, values, following):
    """Return generalised advantage estimates; all arguments are ``horizon x worlds``.

    ``following`` are the values of the states after the steps. An episode that was cut off, and did
    not fall, would have gone on: the value of its last state counts.
    """
    errors = rewards + GAMMA * following * (1 - fell) - values
    found, later = torch.zeros_like(rewards), torch.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards))):
        found[t] = later = errors[t] + GAMMA * LAMBDA * (1 - ended[t]) * later
    return found


def train(policy, rate, steps, seed):
    """Train a policy; return the mean return of the last 20 episodes that ended."""
    critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
    critic.append(nn.Linear(64, 1))  # the same for all policies, and not part of them
    weights = [*policy.parameters(), *critic.parameters()]
    optimizer, worlds = torch.optim.Adam(weights, rate, eps=1e-5), Worlds(seed)
    updates = max(1, steps // (WORLDS * HORIZON))
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = rate * (1 - update / updates)
        rollout = []
        with torch.no_grad():
            for _ in range(HORIZON):
                state = worlds.state
                chances = torch.distributions.Categorical(logits=policy(state))
                actions = chances.sample()
                after = worlds.step(actions)
                rollout.append([state, actions, chances.log_prob(actions), *after])
            states, actions, before, afterwards, rewards, fell, ended, alive = map(
                torch.stack, zip(*rollout, strict=True)
            )
            values, following = critic(states)[..., 0], critic(afterwards)[..., 0]
            gains = advantages(rewards, fell, ended, values, following)
        kept = alive.flatten().bool()
        rows = [x.flatten(0, 1)[kept] for x in (states, actions, before, gains, gains + values)]
        for _ in range(PASSES):
            for batch in torch.randperm(len(rows[0])).split(BATCH):
                loss = ppo_loss(policy, critic, *(x[batch] for x in rows))
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(weights, 0.5)
                optimizer.step()
    return float(np.mean(worlds.returns[-20:]))


def ppo_loss(policy, critic, states, actions, before, gains, targets):
    """Return the clipped loss of the policy plus half the squared error of the critic."""
    ratios = (policy(states).log_softmax(-1).gather(1, actions[:, None])[:, 0] - before).exp()
    gains = (gains - gains.mean()) / (gains.std() + 1e-8)
    clipped = ratios.clamp(1 - CLIP, 1 + CLIP)
    return (
        -torch.minimum(ratios * gains, clipped * gains).mean()
        + 0.5 * (critic(states)[:, 0] - targets).square().mean()
    )


def returns_of(build, rate, steps, seeds):
    """Return the return of a training with each seed, which decides the weights, too."""
    found = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found.append(train(build(), rate, steps, seed))
    return np.array(found)


def shown(returns):
    """Return the mean with half the width of its 95 % interval, and the deviation of the seeds."""
    sd, n = returns.std(ddof=1), len(returns)
    return f"{returns.mean():4.0f} ± {stats.t.ppf(0.975, n - 1) * sd / n**0.5:3.0f} (sd {sd:3.0f})"


def main():
    """Search, then compare the best small policy with the large one on new seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=25, help="policies of the search")
    parser.add_argument("--steps", type=int, default=10_240, help="of the eight worlds together")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per policy in the search")
    parser.add_argument("--again", type=int, default=10, help="trainings per policy at the end")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0025, 0.01, 0.02, 0.04])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("cartpole"))
    options = parser.parse_args()
    if min(options.seeds, options.again) < 2:
        parser.error("expected at least 2 for --seeds and --again: a deviation needs two values")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)

    def evaluate(candidate):
        rate = candidate.trial.suggest_float("rate", 1e-3, 1e-1, log=True)
        found = returns_of(candidate.build, rate, options.steps, range(options.seeds))
        error = found.std(ddof=1) / options.seeds**0.5  # the value is a mean
        return {"return": found.mean(), "return_sd": error, "spread": found.std(ddof=1)}

    began = time.process_time()
    result = bonas.optimize(
        policies,
        options.budget,
        evaluate=[evaluate, ParameterCount()],
        objectives={"return": "maximize", "parameters": "minimize"},
        storage=options.out / "search.log",
        study_name="cartpole",
        seed=options.seed,
    )
    print(result)
    print(f"{time.process_time() - began:.0f} CPU seconds")
    figure = result.plot()
    figure.axes[0].set_xscale("log")  # policies of ten to five thousand parameters
    figure.savefig(options.out / "front.svg")
    result.report(options.out / "report.html")

    limit = policies.costs(LARGE)["parameters"] / 4
    small = [c for c in result.candidates if c.values["parameters"] <= limit]
    best = max(small, key=lambda candidate: candidate.values["return"])
    best.draw(options.out / "network.svg")
    seeds = range(1000, 1000 + options.again)
    found = returns_of(best.build, best.trial.params["rate"], options.steps, seeds)
    print(f"\nwith {options.again} new seeds, the mean return of the last 20 training episodes")
    print(f"trial {best.number}, {best.values['parameters']:.0f} parameters: {shown(found)}")
    for rate in options.rates:
        found = returns_of(lambda: policies.build(LARGE), rate, options.steps, seeds)
        print(f"(64, 64), {4 * limit:.0f} parameters, rate {rate}: {shown(found)}")


if __name__ == "__main__":
    main()
