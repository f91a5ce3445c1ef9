"""What is done with the archive the day after: is it good, what was in it, and fewer, larger objects.

Plain modules, run as `python -m archive_jobs` in a pod of CALI's image or on one's own machine; Airflow only calls
them (`airflow/dags`). They read settings, records and manifests with CALI's own code.
"""
