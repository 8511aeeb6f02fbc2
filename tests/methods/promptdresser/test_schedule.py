"""The schedule and its solvers against definitions and against diffusers' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.methods.promptdresser.guidance import Guidance
from fittingroom.methods.promptdresser.schedule import Multistep, ancestral_step, clean_latents, schedule


def test_nothing_of_the_signal_is_left_at_the_end_and_the_start_stays() -> None:
    plain, rescaled = schedule({"rescale_betas_zero_snr": False}), schedule()
    assert float(rescaled.cumulative[-1]) == 0
    assert float(rescaled.cumulative[0]) == pytest.approx(float(plain.cumulative[0]), rel=1e-6)
    assert (rescaled.cumulative.diff() < 0).all()


def test_the_schedule_has_the_same_bits_on_every_processor() -> None:
    """NumPy's root is rounded correctly; PyTorch's is another bit off on some processors."""
    root = np.sqrt(schedule({"rescale_betas_zero_snr": False}).cumulative.numpy())
    moved = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    assert np.array_equal(schedule().cumulative.numpy(), moved * moved)


def test_steps_are_those_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
    settings = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "clip_sample": False,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "rescale_betas_zero_snr": True,
    }
    theirs, ours = diffusers.DDPMScheduler(**settings), schedule(settings)
    for steps in (1, 7, 30, 50):
        theirs.set_timesteps(steps)
        assert theirs.timesteps.tolist() == ours.times(steps)
        latents = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(0))
        source = torch.Generator().manual_seed(1)
        fresh = torch.Generator().manual_seed(1)
        for time in ours.times(steps):
            noise = torch.sin(latents) + 0.1
            wanted = theirs.step(noise, time, latents, generator=source).prev_sample
            found = ancestral_step(ours, latents, noise, time, steps, torch.randn(latents.shape, generator=fresh))
            assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max())), (steps, time)
            latents = wanted


def test_the_multistep_solver_is_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
    ours = schedule({"rescale_betas_zero_snr": False})
    theirs = diffusers.DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        timestep_spacing="leading",
        final_sigmas_type="zero",
        lower_order_final=False,
        euler_at_final=False,
    )
    steps = 12
    theirs.set_timesteps(steps)
    # its "leading" times for 12 steps differ from ours; give it ours
    times = ours.times(steps)
    powers = ours.cumulative[times]
    theirs.timesteps = torch.tensor(times)
    theirs.sigmas = torch.cat([((1 - powers) / powers).sqrt(), torch.zeros(1)])
    latents = torch.randn(1, 4, 8, 6, generator=torch.Generator().manual_seed(0))
    solver = Multistep(ours, steps)
    mine = latents
    for time in times[:-1]:
        noise = torch.sin(mine) + 0.1
        wanted = theirs.step(noise, time, mine).prev_sample
        mine = solver.step(mine, noise, time)
        assert torch.allclose(mine, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max())), time


def test_noise_is_added_and_taken_away() -> None:
    plan = schedule()
    clean, noise = torch.randn(3, 4, 5, 5), torch.randn(3, 4, 5, 5)
    time = torch.tensor([0, 500, 900])
    noisy = plan.add_noise(clean, noise, time)
    for row, value in enumerate(time.tolist()):
        power = float(plan.cumulative[value])
        assert torch.allclose(noisy[row], power**0.5 * clean[row] + (1 - power) ** 0.5 * noise[row], atol=1e-6)
        assert torch.allclose(clean_latents(plan, noisy[row], noise[row], value), clean[row], atol=1e-3)


def test_a_velocity_says_which_picture_is_behind_the_noise() -> None:
    plan, plain = schedule({"prediction_type": "v_prediction"}), schedule({"prediction_type": "epsilon"})
    clean, noise = torch.randn(3, 4, 5, 5), torch.randn(3, 4, 5, 5)
    time = torch.tensor([0, 500, 999])
    noisy = plan.add_noise(clean, noise, time)
    velocity = plan.target(clean, noise, time)
    assert plain.target(clean, noise, time) is noise
    for row, value in enumerate(time.tolist()):
        found = clean_latents(plan, noisy[row], velocity[row], value)
        assert torch.allclose(found, clean[row], atol=1e-5)  # also where no signal is left


def test_trailing_times_begin_where_nothing_is_left_and_end_with_the_picture() -> None:
    plan = schedule({"prediction_type": "v_prediction", "timestep_spacing": "trailing"})
    assert plan.times(1) == [999]
    assert plan.times(4) == [999, 749, 499, 249]
    assert plan.times(3) == [999, 666, 333]
    assert [plan.before(time, 3) for time in plan.times(3)] == [*plan.cumulative[[666, 333]].tolist(), 1.0]
    clean = torch.randn(1, 4, 5, 5)
    for steps in (1, 2, 3, 10):
        for ancestral in (True, False):
            latents, solver = torch.randn(clean.shape), Multistep(plan, steps)
            for time in plan.times(steps):
                power = plan.cumulative[time]
                # a network that knows the picture
                noise = (latents - power.sqrt() * clean) / (1 - power).sqrt()
                velocity = power.sqrt() * noise - (1 - power).sqrt() * clean
                if ancestral:
                    latents = ancestral_step(plan, latents, velocity, time, steps, torch.randn(clean.shape))
                else:
                    latents = solver.step(latents, velocity, time)
            assert torch.allclose(latents, clean, atol=1e-4), (steps, ancestral)


def test_trailing_times_are_for_the_velocity() -> None:
    with pytest.raises(InputError, match="only implemented with prediction_type v_prediction"):
        schedule({"timestep_spacing": "trailing"})


@pytest.mark.parametrize(
    "setting", [{"prediction_type": "sample"}, {"timestep_spacing": "linspace"}, {"beta_schedule": "linear"}]
)
def test_what_is_not_implemented_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(InputError, match="only .* implemented"):
        schedule(setting)


def test_too_many_steps_are_refused() -> None:
    for steps in (0, 1000, -3):
        with pytest.raises(InputError, match="sampling steps"):
            schedule().times(steps)


def test_the_guidance_interval_counts_its_evaluations() -> None:
    assert Guidance().evaluations(30) == 90
    assert Guidance().evaluations(30, 16) == 48
    assert Guidance(last=0.5).evaluations(10) == 5 * 3 + 5
    assert Guidance(first=0.2, last=0.5).evaluations(10) == 3 * 3 + 7
    assert [Guidance(first=0.2, last=0.5).at(index, 10) for index in range(6)] == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
