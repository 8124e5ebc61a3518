"""The trained generator in the formats of other programs; what runs there is in the checkout's folder export/."""
