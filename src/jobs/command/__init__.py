"""What every job's command line does alike."""
