"""Policies of Stable-Baselines3 over spaces of Gymnasium."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticCnnPolicy, ActorCriticPolicy
from torch import nn

from families.examples import classifying, numbers
from families.record import third_party

OBSERVED = spaces.Box(-1.0, 1.0, (4,), np.float32)


def _rate(_: float) -> float:
    return 3e-4


CLONED = {"training": classifying(4, classes=2)}  # actions of another policy


@third_party("actor and critic", "stable-baselines3", numbers(2, 4), **CLONED)
def actor_critic(choose: Any) -> nn.Module:
    return _Deterministic(
        ActorCriticPolicy(
            OBSERVED,
            spaces.Discrete(2),
            _rate,
            net_arch={
                "pi": [choose("actor", [8, 16, 32])] * choose("actor_depth", [1, 2]),
                "vf": [choose("critic", [8, 16, 32])] * choose("critic_depth", [1, 2]),
            },
            activation_fn=nn.Tanh if choose("activation", ["tanh", "relu"]) == "tanh" else nn.ReLU,
            ortho_init=choose("orthogonal", [True, False]),
        )
    )


class _Deterministic(nn.Module):
    """The value and the logits of the actions: drawing one of them is no part of the network."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observed: Any) -> Any:
        features = self.policy.extract_features(observed)
        actor, critic = self.policy.mlp_extractor(features)
        return self.policy.action_net(actor), self.policy.value_net(critic)


SCREEN = spaces.Box(0, 255, (3, 36, 36), np.uint8)


@third_party(
    "actor and critic of a screen",
    "stable-baselines3",
    numbers(2, 3, 36, 36),
    training=classifying(3, 36, 36, classes=4),
)
def screen_policy(choose: Any) -> nn.Module:
    return _Pixels(
        ActorCriticCnnPolicy(
            SCREEN,
            spaces.Discrete(4),
            _rate,
            net_arch=[choose("width", [16, 32])] * choose("depth", [0, 1, 2]),
            features_extractor_kwargs={"features_dim": choose("features", [32, 48, 64])},
        )
    )


class _Pixels(_Deterministic):
    def forward(self, observed: Any) -> Any:
        features = self.policy.features_extractor(observed)
        actor, critic = self.policy.mlp_extractor(features)
        return self.policy.action_net(actor), self.policy.value_net(critic)
