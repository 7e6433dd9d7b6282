"""How the networks of the spaces that come with bonas share their weights: a module per space.

Each one says of a parameter, from its qualified name and the plan of the network, of which pieces
it consists. The keys follow three rules:

- A place and an operation have a tensor of their own. Operations at one place share nothing, not
  even where the shape of one fits into that of another.
- Sizes share: the numbers of a narrower layer are the first ones of a wider layer, those of a
  smaller kernel the central ones of a larger.
- What belongs together is a block: a head, a gate, a direction. A smaller network is the larger one
  without some of its units, heads or pixels of a kernel, never a mixture of their parts.

What the space fixes (channels of a cell, classes, channels of an image) has one size, and is whole.

Sources: Guo et al. (2020), "Single path one-shot neural architecture search with uniform sampling",
ECCV; Cai et al. (2020), "Once-for-all: Train one network and specialize it for efficient
deployment", ICLR; Chen et al. (2021), "AutoFormer: Searching transformers for visual recognition",
ICCV (weight entanglement).
"""
