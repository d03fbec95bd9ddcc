"""Known idioms of drivers, as changes of a text: which of them make a rule hold that is broken."""
