"""TensorFlow without its greetings."""

from __future__ import annotations

import os
import sys
import tempfile


def load_tensorflow() -> None:
    """Import TensorFlow; what it writes meanwhile is shown only if that fails.

    Its libraries tell about processors and options before they listen to any log level (tensorflow/tensorflow#100442),
    past Python, so the file descriptor itself is turned away for these seconds.

    Raises:
        ImportError: it is not installed, or can't be loaded.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as told:
        os.dup2(told.fileno(), 2)
        try:
            import tensorflow as tf
        except ImportError:
            told.seek(0)
            os.write(kept, told.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    tf.get_logger().setLevel("ERROR")
