"""The command line, runs on disk, reports."""
