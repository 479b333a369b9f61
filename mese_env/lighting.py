"""The camera lens, the lamp and the headlight that both renderers share.

Values of the MESE authors' scene. Their centre crop of 150 of 512 pixels at a vertical field of
view of 45 degrees is expressed as one narrower field of view.
"""

import numpy as np

FIELD_OF_VIEW = 2 * np.degrees(np.arctan(150 / 512 * np.tan(np.radians(45 / 2))))  # 13.8382 degrees

HEADLIGHT_AMBIENT = 0.1
HEADLIGHT_DIFFUSE = 0.6

LAMP_POSITION = (0.0, 0.0, 1.5)  # metres, shining along -z
LAMP_DIFFUSE = 0.7
LAMP_SPECULAR = 0.3
LAMP_EXPONENT = 10  # fall-off of the spot with the cosine off its axis
LAMP_CUTOFF = 35.0  # degrees; the object stays within 7

MATERIAL_SPECULAR = 0.5
MATERIAL_SHININESS = 64  # exponent of the highlight
