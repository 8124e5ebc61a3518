"""One HTML file about one or several runs: what was trained, how it went, what it makes."""
