"""A search whose latency is measured on another machine, over ssh.

    python examples/remote_device.py pi.local --python /home/pi/venv/bin/python

The device needs an ssh server, Python 3.8, numpy and onnxruntime; ``ssh pi.local`` has to work
without a password. Two workers train here and share the device: one network is measured at a time.
"""

import argparse

import bonas
from bonas.evaluation import RemoteDevice, RemoteLatency, ShortTraining
from bonas.spaces import NASBench201


def main():
    """Search for the front of accuracy against latency on the device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--budget", type=int, default=20)
    given = parser.parse_args()
    device = RemoteDevice(given.host, python=given.python)
    for name, value in device.identity().items():
        print(f"{name:>12}  {value}")
    result = bonas.optimize(
        NASBench201(channels=8, cells=1),
        evaluate=[ShortTraining(epochs=5), RemoteLatency(device)],
        budget=given.budget,
        n_jobs=2,
        storage="remote_device.log",
    )
    for candidate in result.front:
        drift = candidate.trial.user_attrs["latency_drift"]
        print(dict(candidate.values), f"drift {drift:+.1%}")


if __name__ == "__main__":
    main()
