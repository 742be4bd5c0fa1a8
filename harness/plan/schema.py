"""The fields of a plan file, their types, defaults and bounds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Budget(_Part):
    """How much a cell may spend on training, in one unit; evaluation is outside."""

    unit: Literal["generated_tokens", "flops", "device_seconds", "steps"]
    amount: float = Field(gt=0)

    @model_validator(mode="before")
    @classmethod
    def _one_unit(cls, value: object) -> object:
        if isinstance(value, dict) and ("unit" in value or "amount" in value):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(f"expected one unit with its amount, such as generated_tokens: 300_000; got {value}")
        ((unit, amount),) = value.items()
        return {"unit": unit, "amount": amount}

    def shared(self, among: int) -> Budget:
        """Return one of `among` equal shares."""
        return Budget(unit=self.unit, amount=self.amount / among)


class Lora(_Part):
    """Adapters that are trained in the place of the weights."""

    rank: int = Field(default=16, ge=1)
    alpha: int | None = Field(default=None, ge=1)
    """What the adapters' product is multiplied by, times the rank; twice the rank by default."""


class Vllm(_Part):
    """vLLM writes the rollouts, with the weights of each step, in the place of the policy itself."""

    mode: Literal["colocate", "server"] = "colocate"
    """In the processes that train, on their GPUs; or a server of its own, on GPUs of its own."""
    memory: float = Field(default=0.3, gt=0, le=1)
    """Share of a GPU's memory that it takes."""
    gpus: int = Field(default=1, ge=1)
    """GPUs that one copy of the model is spread over; a server's own GPUs."""


class Training(_Part):
    """What is the same for every arm."""

    prompts_per_step: int = Field(default=16, ge=1)
    group_size: int = Field(default=8, ge=2)
    """Rollouts per prompt. One alone has no group to compare with."""
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    kl: float = Field(default=0.0, ge=0)
    """Weight of the KL penalty to the reference policy."""
    temperature: float = Field(default=1.0, gt=0)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    """Cap on a rollout; the task's own by default."""
    minibatches: int = Field(default=1, ge=1)
    """Parts that the rollouts of a generation are divided into, an optimizer step each."""
    epochs: int = Field(default=1, ge=1)
    """Passes over the rollouts of a generation."""
    micro_batch: int | None = Field(default=None, ge=1)
    """Rollouts in one forward and backward pass; a whole minibatch by default."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    gradient_checkpointing: bool = False
    """Trade time for memory in the backward pass; the result is the same."""
    lora: Lora | None = None
    """Adapters on every linear layer but the LM head; without it the weights themselves are trained."""
    vllm: Vllm | None = None
    """Who writes the rollouts; without it, the policy itself."""
    pool: int = Field(default=16384, ge=1)
    """Training problems, drawn anew for each seed; a rest that doesn't fill a step is left out."""

    @property
    def rollouts_per_step(self) -> int:
        """Rollouts of one generation."""
        return self.prompts_per_step * self.group_size

    @property
    def updates_per_batch(self) -> int:
        """Optimizer steps taken on the rollouts of one generation; above 1 they are not all on policy."""
        return self.minibatches * self.epochs

    @model_validator(mode="after")
    def _fits(self) -> Training:
        if self.pool < self.prompts_per_step:
            raise ValueError(f"pool must hold the {self.prompts_per_step} prompts of a step, got {self.pool}")
        if self.rollouts_per_step % self.minibatches:
            raise ValueError(
                f"minibatches must divide the {self.rollouts_per_step} rollouts of a generation, got {self.minibatches}"
            )
        update = self.rollouts_per_step // self.minibatches
        if self.micro_batch is not None and update % self.micro_batch:
            raise ValueError(f"micro_batch must divide the {update} rollouts of a step, got {self.micro_batch}")
        return self


class SuiteUse(_Part):
    """How a plan uses a suite."""

    name: str
    samples: int | None = Field(default=None, ge=1)
    """K: answers drawn per item; the suite's own by default."""
    primary: bool = False
    """Part of the primary score. With none marked, the first suite is."""
    at: Literal["every", "ends"] = "every"
    """At every checkpoint, or only before training and at the end."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "name" in value:
            return value
        if isinstance(value, dict) and len(value) == 1:
            ((name, options),) = value.items()
            if options is None or isinstance(options, dict):
                return {"name": name, **(options or {})}
        raise ValueError(f"expected a suite's name, or one name with its options; got {value!r}")


class Evaluation(_Part):
    """How answers are drawn."""

    temperature: float | None = Field(default=None, ge=0)
    """For all suites; each suite's own by default."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Likewise."""
    batch_size: int = Field(default=512, ge=1)
    texts_mb: float = Field(default=512, ge=0)
    """Million characters of answers that are kept for each checkpoint and suite; counts and grades always are."""
    separate: bool = False
    """Whether a cluster evaluates in jobs of their own, after those that train; results are the same either way."""


class Verdicts(_Part):
    """What is said of a difference; decided before it is seen."""

    margin: float = Field(default=1.0, ge=0)
    """Points within which two arms count as equivalent; the suite's measurement noise where that is larger."""
    improved: Literal["estimate", "interval"] = "estimate"
    """What must lie beyond the margin for "improved": the estimate, with an interval clear of 0, or all of the
    interval."""
    items: Literal["items like these", "these items"] = "items like these"
    """What is claimed for: the suite's items as a sample of such items, or these very ones."""
    looking_for: float = Field(default=3.0, gt=0)
    """Points that the comparison should be able to see; `check` warns when it can't."""


class BestOn(_Part):
    """Each cell is compared at the checkpoint that scores best on a suite."""

    best_on: str
    """A suite of the plan; where arms are also compared on it, the page marks every row."""


class Limits(_Part):
    """What a cell may take before somebody must look at it; no part of what it is. A retry counts anew."""

    attempts: int = Field(default=50, ge=1)
    """Starts of a cell's job, however they ended."""
    hours: float = Field(default=336, gt=0)
    """All of them together."""


def _seed_list(value: object) -> object:
    """Return the seeds that a number of them stands for; a list as it is."""
    if isinstance(value, list):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a number of seeds above 0, or a list of them; got {value!r}")
    return list(range(value))


def _require_distinct(seeds: list[int]) -> None:
    if len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds must be distinct and not negative; got {seeds}")


class TuningUse(_Part):
    """How the arms that have a grid are tuned."""

    suite: SuiteUse
    """Decides which point of a grid is best; arms are never compared on it."""
    budget: Budget
    """For each arm that has a grid: all its trials together."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Each point of a grid is tried with each of them."""

    @field_validator("suite")
    @classmethod
    def _only_samples(cls, value: SuiteUse) -> SuiteUse:
        if value.primary or value.at != "every":
            raise ValueError("primary and at say how arms are compared; the suite of the tuning takes samples alone")
        return value

    @field_validator("seeds", mode="before")
    @classmethod
    def _count(cls, value: object) -> object:
        return _seed_list(value)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: list[int]) -> list[int]:
        _require_distinct(value)
        return value


class PlanFile(_Part):
    """One comparison."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    model: str = "tiny"
    """The embedded model, a folder, or a hub id."""
    task: str = "countdown"
    """What is trained on."""
    data: str | None = None
    """A snapshot (`explorebench data fetch`) for suites, tasks and the model; nothing is fetched from the hub then."""
    arms: list[Any] = Field(min_length=1)
    controls: bool = True
    """Whether the controls that belong to the arms are trained and compared too; the page says when they are not."""
    baseline: str
    """The arm that the others are compared with."""
    intervals: bool = True
    """Whether the report must give intervals over seeds; off only for trying things out with one seed."""
    seeds: list[int] = Field(min_length=1)
    budget: Budget
    checkpoints: int = Field(default=4, ge=1)
    """Sealed and evaluated at equal shares of the budget, the last at its end."""
    training: Training = Training()
    suites: list[SuiteUse] = Field(min_length=1)
    evaluation: Evaluation = Evaluation()
    verdicts: Verdicts = Verdicts()
    compare_at: Literal["last"] | BestOn = "last"
    """At which checkpoint arms are compared."""
    watch: list[Any] = ["diversity", "plateau", "collapse"]
    """What looks at every cell while it trains; it changes nothing, and its cost is outside the budget."""
    limits: Limits = Limits()
    tuning: TuningUse | None = None
    """Without it, every arm stands as it is written."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _count(cls, value: object) -> object:
        return _seed_list(value)

    @field_validator("seeds")
    @classmethod
    def _enough_and_distinct(cls, value: list[int], info: ValidationInfo) -> list[int]:
        _require_distinct(value)
        if info.data.get("intervals") and len(value) < 2:
            raise ValueError(
                "an interval needs at least two training seeds, got one; add seeds, "
                "or set intervals: false to run without"
            )
        return value

    @field_validator("suites")
    @classmethod
    def _once(cls, value: list[SuiteUse]) -> list[SuiteUse]:
        names = [use.name for use in value]
        if len(set(names)) != len(names):
            raise ValueError(f"each suite may stand once; got {', '.join(names)}")
        return value
