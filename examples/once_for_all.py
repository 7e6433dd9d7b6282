"""Once for all: one training of a supernet that serves two latency targets.

A supernet of small mobile networks is trained on digits once. For each target a search over
inherited losses and measured latencies, in which no network is trained, finds networks that keep
it; the best two are fine-tuned from the weights of the supernet, and one of them is chosen on the
validation rows. Both searches have one set of test rows, which no choice has read: each chosen
network is scored there once. Run it with `python examples/once_for_all.py`; it takes two to four
minutes on a core, and goes on where it was interrupted.

Source: Cai et al. (2020), "Once-for-all: train one network and specialize it for efficient
deployment", ICLR.
"""

import argparse
import time
from pathlib import Path

import optuna

import bonas
from bonas.evaluation import Candidate, Latency, ShortTraining
from bonas.spaces import MobileSpace
from bonas.supernets import InheritedLoss, Supernet


def trained_supernet(options):
    """Return the supernet, trained as long as asked for, or read from the folder."""
    supernet = Supernet(MobileSpace.small(), ShortTraining(epochs=4))
    record = supernet.fit(options.paths, checkpoint=options.out / "supernet.pt")
    print(f"supernet: {record.paths} paths by the rule {record.rule!r}, {record.seconds:.0f} s")
    return supernet


def largest_latency(space):
    """Return the latency of the largest network, of which the targets are shares."""
    largest = {name: options[-1] for name, options in space.parameters.items()}
    return Latency()(Candidate.without_trial(space, space.completed(largest)))["latency"]


def served(supernet, target, options):
    """Search for networks that keep a latency, and fine-tune the best of them."""
    began = time.perf_counter()
    result = bonas.optimize(
        supernet.space,
        options.budget,
        evaluate=[InheritedLoss(supernet), Latency()],
        objectives={"inherited_loss": "minimize"},
        constraints={"latency": f"<= {target:.4g}"},
        storage=str(options.out / "searches.log"),
        study_name=f"at most {target:.4g} ms",
        zero_cost=False,
        seed=options.seed,
    )
    searched = time.perf_counter() - began
    final = bonas.finalize(
        result,
        options.top_k,
        epochs=options.epochs,
        seeds=options.seeds,
        initial=supernet,
        folder=options.out / f"finalists-{target:.4g}-ms",
    )
    print(f"\nat most {target:.4g} ms: {len(result.candidates)} networks in {searched:.0f} s")
    print(final)
    latency = final.best.candidate.trial.user_attrs["latency"]
    return target, latency, final.best.candidate.values["inherited_loss"], final.best.test.mean


def main():
    """Train the supernet, serve each target, and print what each got."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=2400, help="networks that train the supernet")
    parser.add_argument("--budget", type=int, default=25, help="networks scored per target")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.75])
    parser.add_argument("--top-k", type=int, default=2, help="networks fine-tuned per target")
    parser.add_argument("--epochs", type=int, default=4, help="of a fine-tuning")
    parser.add_argument("--seeds", type=int, default=2, help="fine-tunings per network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("once-for-all"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    supernet = trained_supernet(options)
    targets = options.out / "targets.txt"  # measured once, so that a later run has the same
    if not targets.exists():
        whole = largest_latency(supernet.space)
        targets.write_text(" ".join(f"{share * whole:.4g}" for share in options.shares))
    rows = [served(supernet, float(x), options) for x in targets.read_text().split()]
    print("\ntarget [ms]  latency [ms]  inherited loss  test accuracy [%]")
    for target, latency, loss, accuracy in rows:
        print(f"{target:11.3g}  {latency:12.3g}  {loss:14.3f}  {accuracy:17.2f}")


if __name__ == "__main__":
    main()
