from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alignment.noise import Noise, to_uniform


def test_numpy_philox_agrees_with_the_published_known_answer() -> None:
    # Random123 kat_vectors, philox4x64 with 10 rounds, counter 0, key 0. numpy advances the
    # counter before the first block, so the block of counter 0 follows a start at -1.
    words = np.random.Philox(counter=(1 << 256) - 1, key=0).random_raw(4)
    assert [int(w) for w in words] == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]


@given(
    start=st.integers(0, 10_000), n=st.integers(1, 50), offset=st.integers(0, 49),
    step=st.integers(-3, 90), slot=st.integers(0, 12),
)  # fmt: skip
def test_a_patient_has_the_same_noise_in_every_range(
    start: int, n: int, offset: int, step: int, slot: int
) -> None:
    noise = Noise(7, "age")
    whole = noise.raw(start, n + offset, step, slot)
    assert np.array_equal(whole[offset:], noise.raw(start + offset, n, step, slot))


def test_addresses_do_not_collide() -> None:
    words = [
        Noise(seed, variable).raw(0, 64, step, slot)
        for seed in (1, 2)
        for variable in ("age", "sex")
        for step in (-1, 0, 1, 2)
        for slot in (0, 1)
    ]
    flat = np.concatenate(words)
    assert len(np.unique(flat)) == len(flat)


def test_uniform_is_open_and_uniform() -> None:
    extremes = to_uniform(np.array([0, 2**64 - 1], np.uint64))
    assert 0.0 < extremes[0] < extremes[1] < 1.0
    n = 200_000
    u = np.sort(Noise(3, "u").uniform(0, n))
    distance = np.abs(u - (np.arange(n) + 0.5) / n).max()
    assert distance < 1.95 / np.sqrt(n)  # Kolmogorov-Smirnov, 0.1 % level


def test_normal_moments() -> None:
    n = 200_000
    z = Noise(3, "z").normal(0, n)
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / n)


def test_generators_of_two_patients_are_apart() -> None:
    noise = Noise(3, "shape")
    assert noise.generator(1).random() != noise.generator(2).random()
    assert noise.generator(1).random() == noise.generator(1).random()
