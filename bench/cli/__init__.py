"""The command `leakbench`: its parser, its subcommands and what they print."""
