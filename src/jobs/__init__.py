"""How each job works: one folder a job, run as ``python -m jobs.<job>``.

A job reads artifacts by URI and writes exactly one. It never imports another job, nor
``pipelines``. What two jobs share lies in the modules beside this one.
"""
