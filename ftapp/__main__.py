"""`python -m ftapp`: see cli.py."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        f"This is Python {sys.version_info[0]}.{sys.version_info[1]} - ftapp's packages are pinned for 3.11 to 3.13 - "
        "run it with one of these, or let `make run` find one."
    )

from ftapp.cli import main  # only now, so that an old Python gives the sentence above and no SyntaxError

sys.exit(main())
