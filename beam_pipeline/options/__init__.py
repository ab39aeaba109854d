"""What a user may say: the command line, the configuration file, and options of Beam."""
