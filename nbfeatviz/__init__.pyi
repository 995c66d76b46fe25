"""The public names and where each is: the one list of them, for type checkers and for `nbfeatviz/__init__.py`."""

from nbfeatviz import catalogue as catalogue
from nbfeatviz import samples as samples
from nbfeatviz.attribution.activations import activations as activations
from nbfeatviz.attribution.activations import apply_filter as apply_filter
from nbfeatviz.attribution.activations import filters as filters
from nbfeatviz.attribution.cams import cam as cam
from nbfeatviz.attribution.cams import grad_cam as grad_cam
from nbfeatviz.attribution.cams import grad_cam_plus_plus as grad_cam_plus_plus
from nbfeatviz.attribution.cams import guided_grad_cam as guided_grad_cam
from nbfeatviz.attribution.cams import layer_cam as layer_cam
from nbfeatviz.attribution.evaluation import DeletionInsertion as DeletionInsertion
from nbfeatviz.attribution.evaluation import deletion_insertion as deletion_insertion
from nbfeatviz.attribution.gradients import gradient_times_input as gradient_times_input
from nbfeatviz.attribution.gradients import saliency as saliency
from nbfeatviz.attribution.gradients import smooth_grad as smooth_grad
from nbfeatviz.attribution.gradients import var_grad as var_grad
from nbfeatviz.attribution.integrated import completeness as completeness
from nbfeatviz.attribution.integrated import integrated_gradients as integrated_gradients
from nbfeatviz.attribution.occlusion import occlusion as occlusion
from nbfeatviz.attribution.randomization import Stage as Stage
from nbfeatviz.attribution.randomization import randomization_check as randomization_check
from nbfeatviz.attribution.score_cam import score_cam as score_cam
from nbfeatviz.catalogue.facets import Facet as Facet
from nbfeatviz.catalogue.facets import Facets as Facets
from nbfeatviz.catalogue.facets import facets as facets
from nbfeatviz.catalogue.rises import rises as rises
from nbfeatviz.encoding import overlay as overlay
from nbfeatviz.images import read_image as read_image
from nbfeatviz.networks.loading import load as load
from nbfeatviz.networks.network import Network as Network
from nbfeatviz.networks.not_finite import NotFiniteError as NotFiniteError
from nbfeatviz.networks.receptive_field import ReceptiveField as ReceptiveField
from nbfeatviz.networks.receptive_field import receptive_field as receptive_field
from nbfeatviz.synthesis import objectives as objectives
from nbfeatviz.synthesis import quality as quality
from nbfeatviz.synthesis import recipes as recipes
from nbfeatviz.synthesis.accentuation import accentuate as accentuate
from nbfeatviz.synthesis.ascent import Step as Step
from nbfeatviz.synthesis.ascent import ascend as ascend
from nbfeatviz.synthesis.comparison import compare as compare
from nbfeatviz.synthesis.dream import deep_dream as deep_dream
from nbfeatviz.synthesis.maximize import maximize as maximize
from nbfeatviz.synthesis.maximize import maximize_grid as maximize_grid
from nbfeatviz.synthesis.neurons import NeuronView as NeuronView
from nbfeatviz.synthesis.neurons import neuron_views as neuron_views
from nbfeatviz.synthesis.unit_responses import Rises as Rises
from nbfeatviz.synthesis.visualization import Visualization as Visualization
from nbfeatviz.widgets.explorer import FeatureExplorer as FeatureExplorer

__version__: str
__all__: list[str]
