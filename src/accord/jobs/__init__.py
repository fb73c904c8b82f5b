"""Jobs: the work after a commit, run once and ended in the commit of its effect."""
