"""What a network is: its layers, its input contract, where it comes from.

TensorFlow's start writes a dozen lines of log to file descriptor 2, which a notebook shows in red above
the panel. They are held back here, unless the start fails.
"""

from __future__ import annotations

import os
import sys
import tempfile


def _start_tensorflow_quietly() -> None:
    try:
        stderr = os.dup(2)
    except OSError:  # no standard error at all
        return
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            import tensorflow as tf

            tf.constant(0)  # the lines about the processor come with the first operation
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


if "tensorflow" not in sys.modules:
    _start_tensorflow_quietly()
