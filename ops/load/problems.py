"""Why a load run could not be made or judged."""


class LoadImpossible(Exception):
    """The run has no verdict: there is no stack, no key, nothing to measure, or the generator broke."""
