"""The photo tabs: saliency, class activation maps, occlusion, activations, comparison."""
