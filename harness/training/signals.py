"""The signals that strategies ask for, most of them made from the hidden states at the input of the LM head.

Generation computes those hidden states anyway, one token at a time; `GenerationTap` keeps them, so that a signal costs
a pass through the head and no pass through the layers. Where generation happens elsewhere (vLLM), `hidden_by_forward`
makes them with one pass more, which the ledger charges to the strategy. Three signals need more: `reference_hidden` a
pass through the model that training started from, embeddings an encoder of text, and projected gradients a forward and
a backward pass of their own. A strategy made of parts is charged part by part; what two of them read is made once, and
charged to the first.

Shape suffixes: B rollouts, P prompt tokens, T completion tokens, S = P + T, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.ledger.ledger import Phase
from harness.training.gradients import (
    Sequences,
    linear_layers,
    positions,
    projected_gradients,
    projection_flops,
    projection_of,
    sizes,
)
from harness.training.head import HEAD_PASSES, MADE_TOGETHER, Head, compute_signals, head_passes
from harness.training.meter import StepMeter
from harness.training.ranks import ALONE, Ranks
from strategies.signals import EMBEDDINGS, PROJECTED, SIGNALS, SignalName

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class GenerationTap:
    """Keeps what enters the LM head while a model generates: (B, D) for each decoded token."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._head = model.get_output_embeddings()
        self._steps: list[Tensor] = []
        self._hook: Any = None

    def __enter__(self) -> GenerationTap:
        self._hook = self._head.register_forward_pre_hook(self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _keep(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        self._steps.append(args[0][:, -1].detach())

    def hidden(self, tokens: int) -> Tensor | None:
        """Return (B, `tokens`, D), zero-padded on the right; None when the model did not generate here."""
        if not self._steps:
            return None
        hidden_BTD = torch.stack(self._steps[:tokens], dim=1)
        return nn.functional.pad(hidden_BTD, (0, 0, 0, tokens - hidden_BTD.shape[1]))


@torch.no_grad()
def hidden_by_forward(
    model: PreTrainedModel, ids_BS: Tensor, attention_BS: Tensor, completion_tokens: int, batch_size: int
) -> Tensor:
    """Return the hidden states (B, T, D) that the last `completion_tokens` tokens were predicted from."""
    parts = []
    for ids, attention in zip(torch.split(ids_BS, batch_size), torch.split(attention_BS, batch_size), strict=True):
        places = positions(model.base_model, attention)
        outputs = model.base_model(input_ids=ids, attention_mask=attention, use_cache=False, **places)
        parts.append(outputs.last_hidden_state[:, -completion_tokens - 1 : -1])
    return torch.cat(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What signals are made from."""

    prompt_ids: Tensor
    """(B, P), left-padded."""
    prompt_mask: Tensor
    """(B, P), 1 for the tokens of the prompt."""
    completion_ids: Tensor
    """(B, T), right-padded."""
    mask: Tensor
    """(B, T) bool, true for the tokens of the completion."""
    hidden: Tensor | None
    """(B, T, D) as kept while generating; None where the model did not generate here."""
    completions: list[str]
    """(B,) texts."""

    def rows(self, places: list[int]) -> Batch:
        """Return some of the rollouts, padded as they are here."""
        return Batch(
            prompt_ids=self.prompt_ids[places],
            prompt_mask=self.prompt_mask[places],
            completion_ids=self.completion_ids[places],
            mask=self.mask[places],
            hidden=None if self.hidden is None else self.hidden[places],
            completions=[self.completions[place] for place in places],
        )

    @property
    def sequences(self) -> Sequences:
        """Prompts and completions in one."""
        return Sequences(
            ids=torch.cat([self.prompt_ids, self.completion_ids], dim=1),
            attention=torch.cat([self.prompt_mask, self.mask.to(self.prompt_mask)], dim=1),
            mask=self.mask,
        )

    @property
    def lengths(self) -> tuple[list[int], list[int]]:
        """Tokens of each prompt, and of each completion."""
        return self.prompt_mask.sum(dim=1).tolist(), self.mask.sum(dim=1).tolist()


def reads_hidden(names: frozenset[SignalName]) -> bool:
    """Return whether one of the signals is made from the policy's hidden states."""
    return not names.isdisjoint(HEAD_PASSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalMaker:
    """Makes the signals that one strategy asks for, and books what they cost."""

    asked: Mapping[str, frozenset[SignalName]]
    """The signals of each part of the strategy; "" is the whole."""
    reference: PreTrainedModel | None
    """The model that training started from, where a signal reads it."""
    meter: StepMeter
    part: str
    """The arm that is charged."""
    temperature: float
    batch_size: int
    """Rollouts in one forward pass."""
    ranks: Ranks = ALONE
    """Each makes the signals of its share of a batch, and has those of all."""

    @property
    def names(self) -> frozenset[SignalName]:
        """The signals of all parts."""
        return frozenset().union(*self.asked.values())

    @property
    def reads_hidden(self) -> bool:
        """Whether a signal is made from the policy's hidden states."""
        return reads_hidden(self.names)

    def make(
        self,
        batch: Batch,
        policy: PreTrainedModel,
        names: frozenset[SignalName] | None = None,
        owner: str | None = None,
        phase: Phase = "score",
    ) -> dict[SignalName, Tensor]:
        """Return the signals of a batch.

        Args:
            batch: What they are made from.
            policy: As it is now.
            names: Which to make; those that the strategy asked for, each charged to its part, if None.
            owner: Who is charged for `names`; the arm if None.
            phase: That is charged.

        Raises:
            ValueError: If there is no such signal, or nothing to make it from.
        """
        asked = self.asked if names is None else {"": names}
        everything = frozenset[SignalName]().union(*asked.values())
        rollouts = len(batch.completions)
        mine = batch if self.ranks.count == 1 else batch.rows(self.ranks.share(rollouts))
        work = _Work(maker=self, batch=mine, policy=policy, phase=phase)
        for part, wanted in asked.items():
            missing = _with_kin(wanted - work.made.keys(), everything)
            if missing:
                charged = owner or (f"{self.part}/{part}" if part else self.part)
                with self.meter.phase(work.phase, charged):
                    work.make(missing, charged)
        return {name: self.ranks.stacked(work.made[name])[:rollouts] for name in sorted(work.made)}


def _with_kin(wanted: frozenset[SignalName], everything: frozenset[SignalName]) -> frozenset[SignalName]:
    """Return `wanted` with what the same pass makes, as far as anyone asks for it."""
    return wanted.union(*(kin & everything for kin in MADE_TOGETHER if kin & wanted))


@dataclass(kw_only=True, slots=True)
class _Work:
    """What is made in one call of a maker, signal by signal."""

    maker: SignalMaker
    batch: Batch
    policy: PreTrainedModel
    phase: Phase
    made: dict[SignalName, Tensor] = field(default_factory=dict)

    def make(self, names: frozenset[SignalName], owner: str) -> None:
        """Make `names` and charge them to `owner`."""
        if at_head := names & HEAD_PASSES.keys():
            self.made |= self._at_head(at_head, owner)
        for name in sorted(names - HEAD_PASSES.keys()):
            if name == "reference_hidden":
                self.made[name] = self._reference(owner)
            elif name.startswith(EMBEDDINGS):
                self.made[name] = self._embedded(name.removeprefix(EMBEDDINGS), owner)
            elif name.startswith(PROJECTED):
                self.made[name] = self._projected(name, owner)
            else:
                raise ValueError(f"no signal named {name!r}; known: {', '.join(SIGNALS)}, {EMBEDDINGS}…, {PROJECTED}…")

    def _at_head(self, names: frozenset[SignalName], owner: str) -> dict[SignalName, Tensor]:
        maker, batch = self.maker, self.batch
        if batch.hidden is None:
            batch = self.batch = replace(batch, hidden=self._hidden(self.policy, owner))
        one_pass = maker.meter.shape.forward(tokens=0, logits=float(batch.mask.sum()), attended=0)
        maker.meter.signalled(owner, head_passes(names) * one_pass, self.phase)
        head = Head.of(self.policy, maker.temperature)
        assert batch.hidden is not None  # for the type checker: it was made just above
        return compute_signals(names, batch.hidden, batch.completion_ids, batch.mask, head)

    def _reference(self, owner: str) -> Tensor:
        if self.maker.reference is None:
            raise ValueError(
                "reference_hidden needs the model that training started from, which is kept only for a strategy whose "
                "needs() name it; name it there"
            )
        mask = self.batch.mask
        hidden = self._hidden(self.maker.reference, owner).masked_fill(~mask.unsqueeze(-1), 0)
        return hidden.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)

    def _hidden(self, model: PreTrainedModel, owner: str) -> Tensor:
        whole, (prompts, completions) = self.batch.sequences, self.batch.lengths
        self.maker.meter.forwarded(self.phase, owner, prompts, completions, head=False)
        tokens = self.batch.mask.shape[1]
        return hidden_by_forward(model, whole.ids, whole.attention, tokens, self.maker.batch_size)

    def _embedded(self, encoder: str, owner: str) -> Tensor:
        from harness.training.encoders import encode, encoding_flops

        self.maker.meter.signalled(owner, encoding_flops(encoder, self.batch.completions), self.phase)
        return encode(encoder, self.batch.completions).to(self.batch.mask.device)

    def _projected(self, name: SignalName, owner: str) -> Tensor:
        what, maker = projection_of(name), self.maker
        prompts, completions = self.batch.lengths
        maker.meter.differentiated(self.phase, owner, prompts, completions)
        layers = sizes(linear_layers(self.policy, what.layers))
        tokens = sum(prompts) + sum(completions)
        maker.meter.signalled(owner, tokens * projection_flops(layers, what.dimension), self.phase)
        return projected_gradients(
            self.policy, self.batch.sequences, what, temperature=maker.temperature, batch_size=maker.batch_size
        )
