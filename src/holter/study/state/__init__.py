"""What each training of a study is doing: done, running, unfinished, blocked; and how the folds compare."""
