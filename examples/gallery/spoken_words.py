"""Ten synthetic words by many synthetic speakers, as log-mel features.

These are not recordings. A source of pulses or noise runs through resonators at the formants of
each phoneme, as in a formant synthesiser (Klatt 1980); vowels have the mean formants of Peterson
and Barney (1952). Speakers differ in pitch, length of the vocal tract, tempo and breath; each
utterance in the lengths of its phonemes, in loudness, in its moment within the second, and in the
background noise. It is speech-like data that needs no download: what is learnt from it says which
network learns more from the same clips, and nothing of how well one hears people.
"""

import numpy as np
import torch

RATE = 8_000  # samples per second; a clip is one second
BANDS, FRAMES = 40, 50
_STEP = RATE // FRAMES  # samples from frame to frame: 20 ms

# Formants [Hz], loudness of the voice; loudness, centre and bandwidth [Hz] of the noise; seconds.
PHONEMES = {
    "ee": (270, 2290, 3010, 1, 0, 2500, 800, 0.13),
    "ih": (390, 1990, 2550, 1, 0, 2500, 800, 0.10),
    "eh": (530, 1840, 2480, 1, 0, 2500, 800, 0.12),
    "ae": (660, 1720, 2410, 1, 0, 2500, 800, 0.13),
    "ah": (730, 1090, 2440, 1, 0, 2500, 800, 0.15),
    "aw": (570, 840, 2410, 1, 0, 2500, 800, 0.15),
    "oo": (440, 1020, 2240, 1, 0, 2500, 800, 0.10),
    "uh": (640, 1190, 2390, 1, 0, 2500, 800, 0.12),
    "y": (280, 2250, 3000, 0.6, 0, 2500, 800, 0.06),
    "l": (360, 1100, 2700, 0.6, 0, 2500, 800, 0.07),
    "r": (330, 1100, 1600, 0.6, 0, 2500, 800, 0.07),
    "n": (250, 1500, 2500, 0.4, 0, 2500, 800, 0.09),
    "s": (400, 1700, 2600, 0, 0.5, 3600, 700, 0.12),
    "f": (400, 1300, 2300, 0, 0.15, 2500, 3000, 0.11),
    "closed": (300, 1400, 2400, 0, 0, 2500, 800, 0.06),
    "voiced": (250, 1400, 2400, 0.15, 0, 2500, 800, 0.05),
    "p": (400, 900, 2300, 0, 0.4, 800, 600, 0.02),
    "t": (400, 1700, 2600, 0, 0.5, 3200, 900, 0.03),
    "d": (350, 1700, 2600, 0.3, 0.3, 2900, 900, 0.02),
    "g": (300, 1900, 2300, 0.3, 0.3, 1700, 700, 0.03),
}
WORDS = {
    "yes": "y eh s",
    "no": "n aw oo",
    "up": "uh closed p",
    "down": "voiced d ae oo n",
    "left": "l eh f closed t",
    "right": "r ah ih closed t",
    "on": "ah n",
    "off": "aw f",
    "stop": "s closed t ah closed p",
    "go": "voiced g aw oo",
}


def features(speakers, utterances, seed, first=0):
    """Return ``n x 1 x 40 x 50`` log-mel energies, and the place of each word in ``WORDS``.

    Args:
        speakers: How many, each with a number of its own.
        utterances: Of each word by each speaker.
        seed: Of all that is random.
        first: The number of the first speaker; others are other people.
    """
    rng, parts = np.random.default_rng([seed, first]), []
    for begin in range(0, speakers, 10):  # a few hundred clips at once
        waves = _clips(min(10, speakers - begin), utterances, rng)
        parts.append(log_mel(torch.from_numpy(waves)))
    clips = torch.cat(parts)
    labels = torch.arange(len(WORDS)).repeat_interleave(utterances).repeat(speakers)
    return clips[:, None], labels


def log_mel(waves):
    """Return the logarithm of the energy in 40 mel bands, ``n x 40 x 50``, of ``n x 8000``."""
    spectra = torch.stft(
        waves.float(),
        n_fft=512,
        hop_length=_STEP,
        win_length=240,
        window=torch.hann_window(240),
        return_complex=True,
    )
    energy = spectra.abs().square()[..., :FRAMES]
    return (_mel_filters(energy.shape[1]) @ energy + 1e-6).log()


def _mel_filters(bins):
    """Return triangles that are equally wide in mel = 2595 log10(1 + f / 700), 40 x bins."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (60, 3_900))
    edges = torch.from_numpy(700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)).float()
    left, middle, right = (edges[i : BANDS + i, None] for i in range(3))
    f = torch.linspace(0, RATE / 2, bins)
    return torch.minimum((f - left) / (middle - left), (right - f) / (right - middle)).clamp(min=0)


def _clips(speakers, utterances, rng):
    """Return the waves of all words of some speakers, ``n x 8000``."""
    height = rng.uniform(-1, 1, speakers)  # tall people have a low pitch and low formants
    people = {
        "pitch": 140 * 1.5 ** -(height + rng.normal(0, 0.25, speakers)),  # Hz
        "tract": 1.03 * 1.13 ** -(height + rng.normal(0, 0.3, speakers)),  # factor of the formants
        "tempo": rng.uniform(0.75, 1.35, speakers),
        "breath": rng.uniform(0, 0.15, speakers),
    }
    each = {name: row.repeat(len(WORDS) * utterances) for name, row in people.items()}
    said = [word for word in WORDS for _ in range(utterances)] * speakers
    tracks = [
        _track(word, tract, tempo, rng)
        for word, tract, tempo in zip(said, each["tract"], each["tempo"], strict=True)
    ]
    waves = _synthesised(np.stack(tracks, axis=-1), each["pitch"], each["breath"], rng)
    waves /= waves.std(axis=0) + 1e-9
    noise = _coloured(waves.shape, rng)
    loud = 10 ** (rng.uniform(-6, 15, len(said)) / 20)  # of the word over the noise
    volume = 10 ** (rng.uniform(-10, 10, len(said)) / 20)
    return (volume * (waves * loud + noise)).T / 10


def _track(word, tract, tempo, rng):
    """Return what the synthesiser is to do at each moment of an utterance, ``7 x 8000``."""
    rows = np.array([PHONEMES[name] for name in WORDS[word].split()], float)
    rows[:, :3] *= tract * rng.normal(1, 0.04, (len(rows), 3))
    lengths = rows[:, 7] * RATE / tempo * rng.uniform(0.75, 1.3, len(rows))
    ends = np.cumsum(lengths)
    ends += rng.uniform(0.05, max(0.06, 0.95 - ends[-1] / RATE)) * RATE
    ends = np.concatenate([[ends[0] - lengths[0]], ends]).astype(int)
    moments = np.clip(np.arange(RATE), ends[0], min(ends[-1], RATE) - 1)
    held = rows[np.searchsorted(ends[1:], moments, side="right"), :7].T
    spoken = (np.arange(RATE) >= ends[0]) & (np.arange(RATE) < ends[-1])
    held[3:5] *= spoken
    return np.stack([_smoothed(row, 320 if i < 3 else 80) for i, row in enumerate(held)])


def _smoothed(row, samples):
    """Return the moving average: a mouth glides from phoneme to phoneme."""
    padded = np.pad(row, samples // 2, mode="edge").cumsum()
    return (padded[samples:] - padded[:-samples]) / samples


def _synthesised(tracks, pitch, breath, rng):
    """Return waves ``8000 x n``: pulses through three resonators, and noise through one."""
    n, time = tracks.shape[-1], np.arange(RATE)[:, None] / RATE
    tone = 1 + rng.uniform(-0.25, 0.05, n) * time + 0.01 * np.sin(2 * np.pi * 5 * time)
    phase = np.cumsum(pitch * tone * rng.normal(1, 0.05, n), axis=0) / RATE
    hiss = rng.normal(size=(RATE, n))
    voice = (1 - 2 * (phase % 1) + breath * hiss) * tracks[3]
    for formant, bandwidth in zip(tracks[:3], (80, 110, 170), strict=True):
        voice = _resonated(voice, formant, np.full_like(formant, bandwidth))
    return voice + _resonated(hiss, tracks[5], tracks[6]) * tracks[4]


def _resonated(x, centre, bandwidth):
    """Filter ``8000 x n``: y_t = a x_t + b y_(t-1) + c y_(t-2), a resonance at ``centre`` Hz."""
    c = -np.exp(-2 * np.pi * bandwidth / RATE)
    b = 2 * np.sqrt(-c) * np.cos(2 * np.pi * np.minimum(centre, 3_900) / RATE)
    driven, y = (1 - b - c) * x, np.zeros_like(x)
    before = last = np.zeros(x.shape[1])
    for t in range(len(x)):
        before, last = last, driven[t] + b[t] * last + c[t] * before
        y[t] = last
    return y


def _coloured(shape, rng):
    """Return noise of standard deviation 1 whose power falls with frequency, ``8000 x n``."""
    spectrum = np.fft.rfft(rng.normal(size=shape), axis=0)
    tilt = np.maximum(np.arange(len(spectrum)), 20)[:, None] ** -rng.uniform(0, 1, shape[1])
    noise = np.fft.irfft(spectrum * tilt, n=shape[0], axis=0)
    return noise / noise.std(axis=0)
