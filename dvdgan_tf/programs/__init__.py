"""The programs of bin/, each with its flags. Importing one defines its flags, so a process imports no two of them."""
