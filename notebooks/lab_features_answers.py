"""A teacher's answers to lab_features.ipynb: each name stands for the `... = None` of that name in the notebook.

The comments say what to expect of a class. The tests fill these answers in and run the lab: its checks must all pass.
"""

import tensorflow as tf

LAYER, UNIT = "block5c_expand_conv", 11  # as in the notebook; not an answer

# 1. An impression. Most people say 3 to 10; the rest of the run adds contrast.
steps_to_see = 5

# 2. The correlations are about 0: the noise decides where each piece of the pattern goes. The losses
# are equal within a few percent, which differ from machine to machine: what the unit likes is the same, only its place
# is not. Here the answer is worked out as a class does it from the titles, of the notebook's own runs.
alike_in_pixels = False
loss_spread = round(100 * (max(run.steps[-1].loss for run in again) / min(run.steps[-1].loss for run in again) - 1), 1)  # noqa: F821

# 3. A channel's loss rises in every step, a class's does not: steps of fixed size overshoot.
half_way = 11
class_always_rises = False


# 4. Any function will do. This one asks for one place only, and the rest of the picture stays grey.
def my_loss(activation):
    return tf.reduce_max(activation[:, :, UNIT])


# 5. Nobody asked for the others: they rise because they share what the unit looks for, and because such pictures have
# more contrast than photographs.
others_above_3 = 68
weight = 20.0

# 6. Equal weights give about 70 % and 75 %; the weight moves what is left from one to the other.
second_weight = 2.0

# 7. The network reads nine or ten; of the tutorial's people recognise few, of those by keras-vis more.
i_recognise = 2
network_reads = 9
noisier = "tutorial13"

# 8. What a good answer mentions: certainty is about the logit, not about what is seen; the gradient finds
# fine patterns that photographs never have; a recipe that moves the picture allows only what survives moving.
explanation = """
The network gives a class because of many small patterns that add up, and it was never asked what else a picture must
have. So the ascent finds fine noise, 17 times that of photographs, which raises the logit and means nothing to a
person. Lucid moves the picture in every step: what survives is coarser, and one sees petals.
"""
