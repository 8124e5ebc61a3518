"""How training is spread over devices, processes and hosts. What is computed there is in `training`."""
