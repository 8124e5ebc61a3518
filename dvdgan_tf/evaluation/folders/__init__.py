"""Two folders of clips compared, whoever made them: `bin/evaluate --files`."""
