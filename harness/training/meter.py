"""Where the time and the tokens of one optimizer step went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from harness.ledger.counters import Energy, peak_memory
from harness.ledger.flops import ModelShape, attended_decoding, attended_whole, tokens_decoded
from harness.ledger.ledger import Phase, Use


@dataclass(kw_only=True)
class StepMeter:
    """Collects the uses of one step; time goes to the innermost phase that is open."""

    shape: ModelShape
    backward_factor: int = 2
    """FLOPs of a backward pass by those of its forward pass; 3 with gradient checkpointing."""
    energy: Energy = field(default_factory=Energy)
    """No counters by default."""
    _uses: dict[tuple[Phase, str], Use] = field(default_factory=dict)
    _open: list[tuple[Phase, str]] = field(default_factory=list)
    _mark: float = 0.0
    _joules: float | None = None

    def start(self, phase: Phase = "update", part: str = "") -> None:
        """Start the clock; what ran before (sealing, evaluation) isn't booked, what follows is, under `phase`."""
        self._uses, self._open = {}, [(phase, part)]
        self._mark, self._joules = _now(), self.energy.joules()

    def finish(self, step: int) -> list[Use]:
        """Stop the clock and return the uses since it was started, as those of `step`."""
        self._book()
        memory = peak_memory()
        for use in self._uses.values():
            use.step, use.peak_memory_bytes = step, memory
        return list(self._uses.values())

    @property
    def flops(self) -> float:
        """FLOPs booked since the clock was started."""
        return sum(use.forward_flops + use.backward_flops for use in self._uses.values())

    @contextmanager
    def phase(self, phase: Phase, part: str = "") -> Iterator[None]:
        """Book the time of the block under `phase`."""
        self._book()
        self._open.append((phase, part))
        try:
            yield
        finally:
            self._book()
            self._open.pop()

    def generated(self, prompts: list[int], completions: list[int], phase: Phase = "generate", part: str = "") -> None:
        """Book a generation: prompts read once, completions decoded one token at a time."""
        use = self._use(phase, part)
        tokens = sum(prompts) + tokens_decoded(completions)
        use.generated_tokens += sum(completions)
        use.forward_tokens += tokens
        use.forward_flops += self.shape.forward(
            tokens=tokens, logits=sum(completions), attended=attended_decoding(prompts, completions)
        )

    def forwarded(
        self, phase: Phase, part: str, prompts: list[int], completions: list[int], *, head: bool = True
    ) -> float:
        """Book a full forward pass, with logits for the completions if it goes through the head; return its FLOPs."""
        use = self._use(phase, part)
        lengths = [p + c for p, c in zip(prompts, completions, strict=True)]
        logits = sum(completions) if head else 0
        flops = self.shape.forward(tokens=sum(lengths), logits=logits, attended=attended_whole(lengths))
        use.forward_tokens += sum(lengths)
        use.forward_flops += flops
        return flops

    def trained(self, prompts: list[int], completions: list[int]) -> None:
        """Book the forward and backward pass of the update."""
        flops = self.forwarded("update", "", prompts, completions)
        use = self._use("update", "")
        use.backward_tokens += sum(prompts) + sum(completions)
        use.backward_flops += self.backward_factor * flops

    def differentiated(self, phase: Phase, part: str, prompts: list[int], completions: list[int]) -> None:
        """Book a forward pass, and a backward pass through the activations alone, which costs as much."""
        flops = self.forwarded(phase, part, prompts, completions)
        use = self._use(phase, part)
        use.backward_tokens += sum(prompts) + sum(completions)
        use.backward_flops += flops

    def signalled(self, part: str, flops: float, phase: Phase = "score") -> None:
        """Book what turning hidden states into signals cost `part`."""
        self._use(phase, part).forward_flops += flops

    def _use(self, phase: Phase, part: str) -> Use:
        return self._uses.setdefault((phase, part), Use(step=0, phase=phase, part=part))

    def _book(self) -> None:
        now, joules = _now(), self.energy.joules()
        use = self._use(*self._open[-1])
        use.device_seconds += now - self._mark
        if joules is not None and self._joules is not None:
            use.energy_joules = (use.energy_joules or 0.0) + joules - self._joules
        self._mark, self._joules = now, joules


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
