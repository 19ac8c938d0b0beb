"""What the exit codes mean, as every help text that needs it says."""

from typing import Final

EXITS: Final = """\b
Exit codes:
  0  conformant for what the adapter declares
  1  a failure: fail, error, crash, timeout, flaky, a failed probe,
     or an expectation file that is not true any more
  2  the command line, a case file or a configuration is wrong
  3  the adapter cannot be used: it does not start, does not speak
     protocol 1, or breaks even on an empty script
  4  inconclusive: nothing could be scored
  5  a bug of the suite
  130  interrupted (Ctrl-C); what was found until then is told
  141  whoever read the output went away before a run ended
Of several targets, the code is that of the worst, in the order 130, 5, 3, 1, 4, 0.
A target that needs a program this machine lacks is skipped and says so.
"""
