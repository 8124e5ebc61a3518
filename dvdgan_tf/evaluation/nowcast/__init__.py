"""The protocol `nowcast`: rain forecasts against the truth, beside the methods that forecasters use."""
