"""The one exception that means "the user asked for something that cannot be done".

The command line prints its sentence and exits with code 2; a suite turns it into a row. It imports nothing, so that
every room (and datamodules/) can raise it.
"""


class UserError(Exception):
    """A mistake in the request, not in the program: one sentence that says what is wrong, where, and what to do."""


class UnknownKeyError(UserError):
    """An override names a key that the config does not have.

    Args:
        key: the dotted key.
    """

    def __init__(self, sentence: str, key: str) -> None:
        super().__init__(sentence)
        self.key = key


class AbsentData(UserError):
    """The folder of a data set is not there: a suite names all that are lacking at once."""


class Unwritable(UserError):
    """Results cannot be written: no other cell could be either, so a suite ends with it."""


class NotApplicable(UserError):
    """This attack cannot be run on this model, batch or threat model: exit code 2 in a single run, a row in a suite."""
