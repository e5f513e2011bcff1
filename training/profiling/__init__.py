"""How fast a machine learns and draws, and how far that is from what it can.

loop, models.loading -> [speed] -> commands.speed, commands.race
"""
