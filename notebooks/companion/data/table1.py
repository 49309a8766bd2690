"""Table I of the paper: the sizes of its six domains, in its order."""

TABLE_I = {  # users, items, ratings
    "electronics": (18649, 3975, 23009),
    "kitchen": (16114, 5511, 19856),
    "toys": (9924, 3451, 13147),
    "dvd": (49151, 14608, 124438),
    "music": (69409, 24159, 174180),
    "video": (11569, 5223, 36180),
}
