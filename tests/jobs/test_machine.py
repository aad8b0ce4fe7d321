"""Any order of good and bad events: no job is lost, ended twice, or moved once it has ended."""

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from apps.jobs import publishing, reconciler, services
from apps.jobs.models import Job
from apps.tenants.models import Institution
from tests.jobs.conftest import KIND, NOW, answered, body, make_job

ENDS = ("succeeded", "failed", "cancelled", "expired")


ANY = st.integers(0, 99)  # picks one of those there are


class Life(RuleBasedStateMachine):
    """Jobs, a real queue that loses and doubles messages, and workers that crash, lag and lie."""

    def __init__(self):
        super().__init__()
        Job.objects.all().delete()
        answered.clear()
        publishing.breaker.succeeded()
        self.queue: Any = redis.Redis.from_url(django_settings.REDIS_URL)
        self.queue.delete(KIND.queue)
        self.bank, _ = Institution.objects.get_or_create(name="First Bank", kind="bank")
        self.now = NOW
        self.effects: Counter[UUID] = Counter()
        self.seen = {}
        self.jobs = []
        self.claims = []  # held, lost, used up: a worker may try any of them at any time
        self.submit(600)

    @rule(deadline_s=st.sampled_from([40, 600]))
    def submit(self, deadline_s):
        self.jobs.append(make_job(self.bank, deadline_s=deadline_s, now=self.now).pk)

    @rule()
    def deliver(self):
        message = self.queue.rpop(KIND.queue)
        self._claim(json.loads(body(message))[1]["job_id"] if message else self.jobs[-1])

    @rule(which=ANY)
    def deliver_a_copy(self, which):
        self._claim(self.jobs[which % len(self.jobs)])

    @rule()
    def empty_redis(self):
        self.queue.flushall()

    @rule(seconds=st.sampled_from([0.2, 0.6, 3.0, 31.0]))
    def let_time_pass(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def reconcile(self):
        reconciler.reconcile_once(now=self.now)

    @precondition(lambda self: self.claims)
    @rule(which=ANY)
    def finish(self, which):
        self._attempt(self._finish, which)

    @precondition(lambda self: self.claims)
    @rule(which=ANY, retry=st.booleans())
    def fail(self, which, retry):
        self._attempt(lambda claim: services.fail(claim=claim, error_code="x", retry=retry, now=self.now), which)

    @precondition(lambda self: self.claims)
    @rule(which=ANY)
    def release(self, which):
        self._attempt(lambda claim: services.release(claim=claim, now=self.now), which)

    @rule(which=ANY)
    def cancel(self, which):
        with suppress(services.AlreadyEnded):
            job_id = self.jobs[which % len(self.jobs)]
            services.cancel(job_id=job_id, institution_id=self.bank.pk, now=self.now)

    @invariant()
    def what_has_ended_stays_as_it_was(self):
        for job in Job.objects.all():
            facts = (job.status, job.attempts, job.fence, job.error_code)
            assert self.seen.get(job.pk, facts) == facts
            self.seen.update({job.pk: facts} if job.status in ENDS else {})

    @invariant()
    def an_effect_happens_once_and_only_for_a_success(self):
        succeeded = Job.objects.filter(status="succeeded").values_list("pk", flat=True)
        assert dict(self.effects) == dict.fromkeys(succeeded, 1)

    @invariant()
    def every_end_without_a_result_is_answered_once(self):
        ended = Job.objects.filter(status__in=["failed", "expired"]).values_list("pk", "status")
        assert Counter(answered) == Counter(dict.fromkeys(ended, 1))

    def teardown(self):
        """With the faults over, everything ends."""
        rounds = iter(range(40))
        while Job.objects.exclude(status__in=ENDS).exists():
            assert next(rounds, None) is not None, "a job does not end"
            self.now += timedelta(seconds=20)
            reconciler.reconcile_once(now=self.now)
            self._work_off_the_queue()
        self.what_has_ended_stays_as_it_was()
        self.every_end_without_a_result_is_answered_once()

    def _work_off_the_queue(self):
        for message in self.queue.lrange(KIND.queue, 0, -1):
            if self._claim(json.loads(body(message))[1]["job_id"]):
                self._attempt(self._finish, -1)
        self.queue.delete(KIND.queue)

    def _claim(self, job_id):
        with suppress(services.NotClaimable):
            self.claims.append(services.claim(job_id=job_id, now=self.now, alone=True))
            return True
        return False

    def _attempt(self, move, which):
        claim = self.claims[which % len(self.claims)]
        before = Job.objects.get(pk=claim.job_id)
        holds = (before.status, before.fence) == ("running", claim.fence)
        try:
            move(claim)
        except services.FenceLost:
            after = Job.objects.get(pk=claim.job_id)
            assert (after.status, after.fence, after.attempts) == (before.status, before.fence, before.attempts)
        else:
            assert holds

    def _finish(self, claim):
        with transaction.atomic():
            services.finish(claim=claim, now=self.now)
            self.effects[claim.job_id] += 1


@pytest.mark.django_db(transaction=True)
def test_no_order_of_events_loses_or_doubles_a_job():
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=15,
            stateful_step_count=50,
            deadline=None,
            phases=(Phase.generate,),  # a failure shows its steps at once; shrinking would outlast the suite
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
