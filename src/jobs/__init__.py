"""How each job works: one folder a job, run as ``python -m jobs.<job>``.

A job reads artifacts by URI and writes exactly one. It never imports another job, nor
``pipelines``. What two jobs share lies in the modules beside this one.
"""

import sys

if sys.argv[:1] == ["-m"]:  # Python is about to run a module of this package
    from jobs.unknown import refuse_unknown

    refuse_unknown(sys.orig_argv)
