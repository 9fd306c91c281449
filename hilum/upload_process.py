"""A process that makes a film of one uploaded file: `python -m hilum.upload_process`, started by nobody else.

The file comes by the standard input, the film goes to the standard output. What is no film ends it with the status
`REFUSED` and the reason on the standard error; whatever else goes wrong costs this process only.
"""

from __future__ import annotations

import json
import resource
import sys

import psutil

from dicom_node.uploads import film_of
from domain.uploads import BadUpload, PictureView, Refusal, UploadKind, Wish

REFUSED = 3
_MEGABYTE = 1_000_000


def main() -> int:
    """Make the film that the arguments ask for, as JSON; return the exit status."""
    asked = json.loads(sys.argv[1])
    limit = psutil.Process().memory_info().vms + asked["megabytes"] * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    wish = Wish(removes_names=asked["removes_names"], view=PictureView(asked["view"]))
    try:
        film = film_of(
            sys.stdin.buffer, UploadKind(asked["kind"]), wish, account=asked["account"], number=asked["number"]
        )
        film.save_as(sys.stdout.buffer, enforce_file_format=True)
        sys.stdout.buffer.flush()
    except BadUpload as problem:
        return _refused(problem.refusal)
    except MemoryError:
        return _refused(Refusal.TOO_COSTLY)
    except Exception:  # noqa: BLE001 - a parser meets any bytes here; whatever it raises, the file is damaged
        return _refused(Refusal.DAMAGED)
    return 0


def _refused(refusal: Refusal) -> int:
    print(refusal, file=sys.stderr)  # noqa: T201 - for the process that asked
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
