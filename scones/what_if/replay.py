"""A candidate over stored images, some at a time: what it says of each beside what the deployed model said."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from scones.audits import certifying_half
from scones.errors import SconesError
from scones.what_if.candidate import Answer, Candidate
from scones.what_if.learned_images import LearnedImages
from scones.what_if.paired_test import Labelled, Paired, Said, compare
from scones.what_if.prepared_images import BytesGoneError, NotClassifiedError, Serialize
from scones.what_if.stored_verdicts import StoredVerdict

_AHEAD: Final = 2
"""Requests in the queue for each thread, so that none waits for the reading of the index."""
GONE, NOT_CLASSIFIED, LEARNED, OTHER_VERSION = "gone", "not_classified", "learned", "other_version"


@dataclass(frozen=True, slots=True)
class Changed:
    """An image about which the two models differ, in the label or in the outcome."""

    image: StoredVerdict
    baseline: Said
    candidate: Said


@dataclass(slots=True)
class Replay:
    """
    The comparison of a candidate with the deployed model.

    Attributes
    ----------
    thresholds
        By label; both models are judged by these.
    learned
        What the candidate was trained on; None where that is not known.
    left_out
        Images that are not compared, by reason: their bytes are gone, they could not be classified, the candidate was
        trained on them, or another version of the deployed model judged them than the newest one.
    versions
        Versions that the candidate stated, with None where it stated none.
    first_problem
        Why the first image of those that could not be classified was not.
    changed
        Images about which the models differ.
    is_interrupted, is_cut_short
        Whether Ctrl-C ended it, and whether there are more images than were asked for.
    """

    thresholds: Mapping[str, float]
    learned: LearnedImages | None = None
    most_changes: int | None = None
    compared: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    baseline_version: str | None = None
    versions: set[str | None] = field(default_factory=set)
    changed: int = 0
    changed_labels: int = 0
    to_review: int = 0
    to_passed: int = 0
    changes: list[Changed] = field(default_factory=list)
    first_problem: str | None = None
    is_interrupted: bool = False
    is_cut_short: bool = False
    newest: str | None = None
    oldest: str | None = None
    _labelled: list[Labelled] = field(default_factory=list)
    _audited: list[Labelled] = field(default_factory=list)

    @property
    def looked_at(self) -> int:
        """Images so far."""
        return self.compared + self.left_out.total()

    def labelled(self) -> Paired:
        """Compare on all images with a person's label: mostly those that the deployed model was not sure about."""
        return compare(self._labelled)

    def audited(self) -> Paired:
        """Compare on the audit's half that no model is trained on: a random sample of all images."""
        return compare(self._audited)

    def verdict(self) -> str:
        """
        Say `worse`, `better` or `not shown`.

        Labels of reviews and corrections are about images on which the deployed model was unsure or wrong, which
        flatters any other model. So a candidate that is worse even on these is worse, but only the audit, which is
        random, can show that one is better.
        """
        labelled, audited = self.labelled(), self.audited()
        if labelled.is_candidate_worse or audited.is_candidate_worse:
            return "worse"
        return "better" if audited.is_candidate_better else "not shown"

    def run(
        self,
        images: Iterable[StoredVerdict],
        serialize: Serialize,
        candidate: Candidate,
        concurrency: int,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        """Compare images; Ctrl-C ends it with what is done."""
        pool = ThreadPoolExecutor(concurrency)
        try:
            for image, answer in _answered(self._wanted(images), serialize, candidate, pool, concurrency):
                self._add(image, answer)
                on_progress()
        except KeyboardInterrupt:
            self.is_interrupted = True
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if len(self.versions) > 1:
            stated = ", ".join(sorted(str(one) for one in self.versions))
            message = f"the candidate changed while it was compared (versions {stated}): repeat the command"
            raise SconesError(message)

    def _wanted(self, images: Iterable[StoredVerdict]) -> Iterator[StoredVerdict]:
        """Leave out what cannot be compared; the newest image decides which version is the deployed one."""
        for number, image in enumerate(images):
            if number == 0:
                self.baseline_version = image.model_version
            if image.model_version != self.baseline_version:
                self.left_out[OTHER_VERSION] += 1
            elif self.learned is not None and self.learned.has(image):
                self.left_out[LEARNED] += 1
            else:
                yield image

    def _add(self, image: StoredVerdict, answer: Answer | Exception) -> None:
        if isinstance(answer, BytesGoneError):
            self.left_out[GONE] += 1
            return
        if isinstance(answer, Exception):
            self.left_out[NOT_CLASSIFIED] += 1
            self.first_problem = self.first_problem or f"{image.image_key}: {answer}"
            return
        self.compared += 1
        self.newest = max(self.newest or image.at, image.at)
        self.oldest = min(self.oldest or image.at, image.at)
        self.versions.add(answer.version)
        self._count(image, self._said(image.label, image.confidence), self._candidates(answer))

    def _count(self, image: StoredVerdict, baseline: Said, candidate: Said) -> None:
        has_other_label = baseline.label != candidate.label
        has_other_outcome = baseline.passes != candidate.passes
        self.changed_labels += has_other_label
        self.to_review += has_other_outcome and baseline.passes
        self.to_passed += has_other_outcome and candidate.passes
        if has_other_label or has_other_outcome:
            self.changed += 1
            if self.most_changes is None or len(self.changes) < self.most_changes:
                self.changes.append(Changed(image, baseline, candidate))
        if image.person is not None:
            pair = Labelled(image.person, baseline, candidate)
            self._labelled.append(pair)
            if image.u is not None and certifying_half(image.u):
                self._audited.append(pair)

    def _candidates(self, answer: Answer) -> Said:
        confidence = max(answer.probabilities)
        return self._said(tuple(self.thresholds)[answer.probabilities.index(confidence)], confidence)

    def _said(self, label: str, confidence: float) -> Said:
        return Said(label, confidence, confidence >= self.thresholds[label])


def _answered(
    images: Iterator[StoredVerdict],
    serialize: Serialize,
    candidate: Candidate,
    pool: ThreadPoolExecutor,
    concurrency: int,
) -> Iterator[tuple[StoredVerdict, Answer | Exception]]:
    """Classify images in their order, at most so many at once; errors of one image come in place of its answer."""
    waiting: deque[tuple[StoredVerdict, Future[Answer]]] = deque()

    def first() -> tuple[StoredVerdict, Answer | Exception]:
        image, future = waiting.popleft()
        try:
            return image, future.result()
        except (BytesGoneError, NotClassifiedError) as error:
            return image, error

    for image in images:
        waiting.append((image, pool.submit(_classify, image, serialize, candidate)))
        if len(waiting) > _AHEAD * concurrency:
            yield first()
    while waiting:
        yield first()


def _classify(image: StoredVerdict, serialize: Serialize, candidate: Candidate) -> Answer:
    return candidate.classify(serialize.prepare(image))
