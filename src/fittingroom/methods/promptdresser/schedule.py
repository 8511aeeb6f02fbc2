r"""The noise schedule and two solvers, as functions.

Training noise :math:`z_t = \sqrt{\bar\alpha_t} z_0 + \sqrt{1 - \bar\alpha_t} \epsilon` with betas that grow linearly in
their roots, rescaled so that nothing of the signal is left at the last time (Lin et al., Common Diffusion Noise Schedules
and Sample Steps are Flawed, WACV 2024, algorithm 1). Sampling visits "leading" times, which leaves that last time out: the
network predicts noise, and from pure noise nothing could be divided back. A network that predicts the velocity may begin at
the last time itself, with "trailing" times (the same paper, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...core.errors import InputError

#: variance of the last step, in place of an exact zero
_SMALLEST_VARIANCE = 1e-20
_PREDICTIONS = ("epsilon", "v_prediction")
_SPACINGS = ("leading", "trailing")


@dataclass(frozen=True)
class Schedule:
    """The times of the noise process.

    Args:
        cumulative: ``(T,)`` float32, share of the signal's power left at each time, falling.
        offset: added to every sampled time.
        velocity: the network predicts the velocity instead of the noise.
        trailing: sampling begins at the last time; the offset is of no account then.
    """

    cumulative: torch.Tensor
    offset: int = 1
    velocity: bool = False
    trailing: bool = False

    @property
    def betas(self) -> torch.Tensor:
        """``(T,)``: power of the noise added from one time to the next."""
        before = torch.cat([torch.ones(1, dtype=self.cumulative.dtype), self.cumulative[:-1]])
        return 1 - self.cumulative / before

    def times(self, steps: int) -> list[int]:
        """Times of a sampler, first the noisiest.

        Raises:
            InputError: fewer steps than one or more than there are times.
        """
        total, lowest = len(self.cumulative), 0 if self.trailing else self.offset
        if not 1 <= steps <= total - lowest:
            raise InputError(f"{steps} sampling steps", mend=f"choose 1 to {total - lowest}")
        ratio = total // steps
        if self.trailing:
            return [total - 1 - index * ratio for index in range(steps)]
        return [index * ratio + self.offset for index in reversed(range(steps))]

    def before(self, time: int, steps: int) -> float:
        """Signal power at the time that follows ``time`` in sampling; 1 at the end."""
        previous = time - len(self.cumulative) // steps
        if previous < 0 or (self.trailing and time == self.times(steps)[-1]):
            return 1.0
        return float(self.cumulative[previous])

    def add_noise(self, clean: torch.Tensor, noise: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Latents at a time.

        Args:
            clean: ``(B, C, h, w)``.
            noise: ``(B, C, h, w)`` standard normal.
            time: ``(B,)`` long.
        """
        power = self._power(clean, time)
        return power.sqrt() * clean + (1 - power).sqrt() * noise

    def target(self, clean: torch.Tensor, noise: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        r"""What the network shall predict: the noise, or the velocity.

        The velocity is :math:`\sqrt{\bar\alpha_t} \epsilon - \sqrt{1 - \bar\alpha_t} z_0` (Salimans and Ho, Progressive
        Distillation for Fast Sampling of Diffusion Models, ICLR 2022, section 4). Arguments as in :meth:`add_noise`.
        """
        if not self.velocity:
            return noise
        power = self._power(clean, time)
        return power.sqrt() * noise - (1 - power).sqrt() * clean

    def _power(self, like: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return self.cumulative.to(like.device, like.dtype)[time][:, None, None, None]


def schedule(settings: Mapping[str, Any] | None = None) -> Schedule:
    """The schedule of the published model, or of other settings in diffusers' words.

    Args:
        settings: ``num_train_timesteps``, ``beta_start``, ``beta_end``, ``beta_schedule`` (``scaled_linear``),
            ``rescale_betas_zero_snr``, ``steps_offset``, ``prediction_type`` (``epsilon`` or ``v_prediction``), ``timestep_spacing``
            (``leading`` or, for the velocity, ``trailing``); missing ones are the published model's.

    Raises:
        InputError: settings that are not implemented.
    """
    chosen: dict[str, Any] = {
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "rescale_betas_zero_snr": True,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "prediction_type": "epsilon",
        "clip_sample": False,
        "variance": "fixed_small",
    }
    supported = {name: chosen[name] for name in ("beta_schedule", "clip_sample", "variance")}
    chosen |= dict(settings or {})
    for name, value in supported.items():
        if chosen[name] != value:
            raise InputError(f"scheduler setting {name} is {chosen[name]!r}", mend=f"only {value!r} is implemented")
    for name, known in (("prediction_type", _PREDICTIONS), ("timestep_spacing", _SPACINGS)):
        if chosen[name] not in known:
            raise InputError(
                f"scheduler setting {name} is {chosen[name]!r}", mend=f"only {' and '.join(known)} are implemented"
            )
    velocity, trailing = chosen["prediction_type"] == "v_prediction", chosen["timestep_spacing"] == "trailing"
    if trailing and not velocity:
        raise InputError(
            "scheduler setting timestep_spacing is 'trailing', but the network predicts noise",
            mend="it is only implemented with prediction_type v_prediction: from pure noise nothing can be divided back",
        )
    # float32 throughout, as the published code: the rescaled curve is sensitive near its end
    roots = torch.linspace(
        chosen["beta_start"] ** 0.5, chosen["beta_end"] ** 0.5, chosen["num_train_timesteps"], dtype=torch.float32
    )
    cumulative = torch.cumprod(1 - roots**2, dim=0)
    if chosen["rescale_betas_zero_snr"]:
        cumulative = without_terminal_signal(cumulative)
    return Schedule(cumulative, int(chosen["steps_offset"]), velocity, trailing)


def without_terminal_signal(cumulative: torch.Tensor) -> torch.Tensor:
    r"""Shift and scale :math:`\sqrt{\bar\alpha}` so that its last value is 0 and its first stays: ``(T,)`` to ``(T,)``."""
    # rounded from double precision: some processors' vector root is off in the last bit, which the small betas show
    root = cumulative.double().sqrt().to(cumulative.dtype)
    root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    return root**2


def clean_latents(plan: Schedule, latents: torch.Tensor, predicted: torch.Tensor, time: int) -> torch.Tensor:
    """What would be left if all noise were taken away at once: ``(B, C, h, w)``.

    Args:
        plan: the schedule.
        latents: ``(B, C, h, w)`` at ``time``.
        predicted: ``(B, C, h, w)``, noise or velocity.
        time: of the latents.
    """
    power = float(plan.cumulative[time])
    if plan.velocity:
        return power**0.5 * latents - (1 - power) ** 0.5 * predicted
    return (latents - (1 - power) ** 0.5 * predicted) / power**0.5


def posterior_variance(plan: Schedule, time: int, steps: int) -> float:
    """Variance of the ancestral step at ``time`` (Ho et al., DDPM, NeurIPS 2020, equation 7), never below 1e-20."""
    now, after = float(plan.cumulative[time]), plan.before(time, steps)
    return max((1 - after) / (1 - now) * (1 - now / after), _SMALLEST_VARIANCE)


def ancestral_step(
    plan: Schedule, latents: torch.Tensor, predicted: torch.Tensor, time: int, steps: int, fresh: torch.Tensor
) -> torch.Tensor:
    """One step of DDPM's sampler (the same paper, equations 6 and 7).

    Args:
        plan: the schedule.
        latents: ``(B, C, h, w)`` at ``time``.
        predicted: ``(B, C, h, w)``, noise or velocity.
        time: of the latents.
        steps: in all.
        fresh: ``(B, C, h, w)`` standard normal noise to add.

    Returns:
        Latents at the next time.
    """
    now, after = float(plan.cumulative[time]), plan.before(time, steps)
    ratio = now / after
    clean = clean_latents(plan, latents, predicted, time)
    mean = (after**0.5 * (1 - ratio) / (1 - now)) * clean + (ratio**0.5 * (1 - after) / (1 - now)) * latents
    return mean + posterior_variance(plan, time, steps) ** 0.5 * fresh


@dataclass
class Multistep:
    """DPM-Solver++ of second order (Lu et al., 2022, algorithm 2): deterministic, good with few steps.

    Args:
        plan: the schedule.
        steps: in all.
    """

    plan: Schedule
    steps: int
    _before: tuple[float, torch.Tensor] | None = None

    def step(self, latents: torch.Tensor, predicted: torch.Tensor, time: int) -> torch.Tensor:
        """Latents at the next time; must be called for each time in order. Shapes as in :func:`ancestral_step`."""
        now, after = float(self.plan.cumulative[time]), self.plan.before(time, self.steps)
        clean = clean_latents(self.plan, latents, predicted, time)
        if after >= 1:
            return clean
        here, there = _log_ratio(now), _log_ratio(after)
        width = there - here
        direction = clean
        if self._before is not None:
            earlier, old = self._before
            ratio = (here - earlier) / width
            direction = (1 + 0.5 / ratio) * clean - (0.5 / ratio) * old
        self._before = (here, clean)
        shrink = float(torch.exp(torch.tensor(-width, dtype=torch.float64)))
        return ((1 - after) / (1 - now)) ** 0.5 * latents + after**0.5 * (1 - shrink) * direction


def _log_ratio(power: float) -> float:
    """Half the logarithm of the signal-to-noise ratio."""
    return 0.5 * float(torch.log(torch.tensor(power / (1 - power), dtype=torch.float64)))
