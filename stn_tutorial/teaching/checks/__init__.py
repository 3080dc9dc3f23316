"""Checkers of the exercises, a file a notebook: each says what was expected, shows it, and names the mistake if it knows it."""

from .cifar10 import check_block_means, check_window_scale
from .grid_generator import check_target_grid, check_unsheared_theta
from .localization_network import check_plug_in, check_start
from .moving_the_grid import check_shift_theta, check_turn_theta
from .rotated_mnist import check_recovered_degrees, check_spread_degrees
from .sampler import check_derivative_by_t_x, check_sampler
from .transformation_families import check_flow, check_project

__all__ = [
    "check_block_means",
    "check_derivative_by_t_x",
    "check_flow",
    "check_plug_in",
    "check_project",
    "check_recovered_degrees",
    "check_sampler",
    "check_shift_theta",
    "check_spread_degrees",
    "check_start",
    "check_target_grid",
    "check_turn_theta",
    "check_unsheared_theta",
    "check_window_scale",
]
