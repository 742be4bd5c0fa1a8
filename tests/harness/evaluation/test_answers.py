from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation.answers import AnswerStore
from harness.evaluation.engines.contract import Completion, Request

KEY = {"weights": "w", "suite": "s"}


def request(item: str, sample: int) -> Request:
    return Request(item=item, sample=sample, text="1+1=", ids=(1, 2, 3), seed=0)


def answer(text: str) -> Completion:
    return Completion(text=text, tokens=2, truncated=False)


BATCH = [request("a", 0), request("a", 1), request("b", 0), request("b", 1)]
ANSWERS = [answer(text) for text in ("a0", "a1", "b0", "b\u2028\n1")]


def stored(store: AnswerStore) -> dict[str, list[str]]:
    return {item: [done.text for done in answers] for item, answers in store.in_order(["b", "a"])}


def test_answers_are_there_for_the_next_process_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    first = AnswerStore.opened(tmp_path / "s", KEY)
    assert not first.has(BATCH)
    first.add("one", BATCH, ANSWERS, seconds=3.0)
    second = AnswerStore.opened(tmp_path / "s", KEY)
    assert second.has(BATCH)
    assert stored(second) == {"b": ["b0", "b\u2028\n1"], "a": ["a0", "a1"]}
    assert list(stored(second)) == ["b", "a"]
    effort = second.effort
    assert (effort.prompt_tokens, effort.generated_tokens, effort.seconds) == (6, 8, 3.0)
    # Of each item: a prompt of 3, read once; the first token of both answers, each compared with 3 + 1 keys.
    assert (effort.forward_tokens, effort.attended) == (2 * (3 + 2), 2 * (3 * 3 + 2 * 4))


def test_nothing_is_served_across_a_change_of_the_key(tmp_path: Path) -> None:
    AnswerStore.opened(tmp_path / "s", KEY).add("one", BATCH, ANSWERS, seconds=1.0)
    other = AnswerStore.opened(tmp_path / "s", {**KEY, "weights": "others"})
    assert not other.has(BATCH)
    assert not AnswerStore.opened(tmp_path / "s", KEY).has(BATCH), "what another key had is gone, not hidden"


def test_the_samples_of_an_item_may_lie_in_several_batches_and_files(tmp_path: Path) -> None:
    store = AnswerStore.opened(tmp_path / "s", KEY)
    store.add("one", BATCH[1:2], ANSWERS[1:2], seconds=1.0)
    store.add("two", BATCH[2:], ANSWERS[2:], seconds=1.0)
    store.add("two", BATCH[:1], ANSWERS[:1], seconds=1.0)
    assert (
        stored(AnswerStore.opened(tmp_path / "s", KEY))
        == stored(store)
        == {"a": ["a0", "a1"], "b": ["b0", "b\u2028\n1"]}
    )


@given(kept=st.integers(0, 400))
def test_a_file_cut_off_anywhere_loses_whole_batches_and_goes_on(tmp_path_factory: object, kept: int) -> None:
    folder = Path(tmp_path_factory.mktemp("cut")) / "s"  # type: ignore[attr-defined]  # pytest's factory
    AnswerStore.opened(folder, KEY).add("one", BATCH, ANSWERS, seconds=1.0)
    file = folder / "one.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    again = AnswerStore.opened(folder, KEY)
    assert again.has(BATCH) == (kept >= len(whole))
    again.add("one", BATCH, ANSWERS, seconds=1.0)
    assert stored(AnswerStore.opened(folder, KEY)) == {"b": ["b0", "b\u2028\n1"], "a": ["a0", "a1"]}


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    store = AnswerStore.opened(tmp_path / "s", KEY)
    store.add("one", BATCH[:2], ANSWERS[:2], seconds=1.0)
    with (tmp_path / "s" / "one.jsonl").open("ab") as stream:
        stream.write(b'{"item": "b", "fi\n')
    store.add("one", BATCH[2:], ANSWERS[2:], seconds=1.0)
    assert stored(AnswerStore.opened(tmp_path / "s", KEY))["b"] == ["b0", "b\u2028\n1"]
    assert json.loads((tmp_path / "s" / "key.json").read_text()) == KEY


def test_when_all_is_written_the_folder_goes(tmp_path: Path) -> None:
    store = AnswerStore.opened(tmp_path / "s", KEY)
    store.add("one", BATCH, ANSWERS, seconds=1.0)
    store.drop()
    assert list(tmp_path.iterdir()) == []
