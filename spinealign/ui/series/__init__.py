"""Series and slices: choosing a series, moving through its slices."""
