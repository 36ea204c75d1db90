"""From masks to vertebral bodies, discs and the canal: contours, corners, levels, areas."""
