"""Traced: one trace, whoever calls it first, and none after it."""

from __future__ import annotations

import threading

import pytest
import tensorflow as tf

from nbfeatviz.networks.compute.traced import Traced


def test_it_traces_once_for_all_threads_and_gives_what_the_function_gives():
    traces = []

    def doubled(x: tf.Tensor, more: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        traces.append(threading.get_ident())
        return 2 * x + more[0] * more[1]

    traced = Traced(tf.function(doubled, autograph=False))
    assert traced.experimental_get_tracing_count() == 0
    found: list[float] = []

    def call(value: float) -> None:
        found.append(float(traced(tf.constant(value), (tf.constant(10.0), tf.constant(3.0)))))

    threads = [threading.Thread(target=call, args=(float(k),)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [30.0 + 2 * k for k in range(8)]
    assert len(traces) == traced.experimental_get_tracing_count() == 1


def test_an_error_of_the_trace_is_raised_and_the_next_call_tries_again():
    wrong = [True]

    def once_wrong(x: tf.Tensor) -> tf.Tensor:
        if wrong:
            wrong.clear()
            raise ValueError("not now")
        return x + 1

    traced = Traced(tf.function(once_wrong, autograph=False))
    with pytest.raises(ValueError, match="not now"):
        traced(tf.constant(1.0))
    assert float(traced(tf.constant(1.0))) == 2.0
