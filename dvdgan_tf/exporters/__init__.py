"""The trained generator in the formats of other programs. What runs there is in the checkout's folder export/."""
