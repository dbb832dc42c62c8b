"""The commands, one file each: the first line of the file is its help, ``main(argv)`` runs it."""
