"""The one list of all exercises: notebooks, their builder and the tests walk it."""

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    block_means,
    cifar10,
    flow,
    grid_generator,
    localization_network,
    looking_again,
    moving_the_grid,
    overlapping,
    plug_in,
    plug_in_mistakes,
    reflection,
    rotated_mnist,
    sampler,
    sampler_gradient,
    sampler_mistakes,
    speed_and_scale,
    spread,
    transformation_families,
    turning,
    unsheared,
    when_it_fails,
)
from .verdict import Mistake, Verdict


@dataclass(frozen=True)
class Exercise:
    """A function that readers write: its name, the number of its notebook, its checker, its wrong answers, its folded hint.

    >>> EXERCISES[0].name, EXERCISES[0].notebook
    ('shift_theta', 1)
    """

    name: str
    notebook: int
    check: Callable[[Callable], Verdict]
    mistakes: list[Mistake]
    hint: str

    def wrong(self, name: str) -> Callable:
        """The wrong answer with this name, to show what it does; KeyError if there is none.

        >>> EXERCISES[0].wrong("other way")(right=1, down=0, size=(20, 20)).tolist()[2] > 0
        True
        """
        return {mistake.name: mistake.answer for mistake in self.mistakes}[name]


EXERCISES = [
    Exercise(
        "shift_theta",
        1,
        moving_the_grid.check_shift_theta,
        moving_the_grid.SHIFT_MISTAKES,
        "One pixel is 2 / W wide in normalised coordinates. And the picture does the opposite of the grid.",
    ),
    Exercise(
        "turn_theta",
        1,
        turning.check_turn_theta,
        turning.TURN_MISTAKES,
        "The rotation matrix above turned the picture counter-clockwise. `math.radians` turns degrees into radians.",
    ),
    Exercise(
        "my_target_grid",
        2,
        grid_generator.check_target_grid,
        grid_generator.GRID_MISTAKES,
        "With aligned corners x runs from -1 to 1. Otherwise the first centre is half a pixel inside, at -1 + 1 / W. "
        "`x.expand(height, width)` repeats a row.",
    ),
    Exercise(
        "unsheared_theta",
        2,
        unsheared.check_unsheared_theta,
        unsheared.UNSHEARED_MISTAKES,
        "Which matrix turns, and between which two matrices must it stand? Their product is above.",
    ),
    Exercise(
        "my_reflect",
        3,
        reflection.check_reflect,
        reflection.REFLECT_MISTAKES,
        "Measure from the left mirror, and drop the sign: both sides of a mirror look the same. After twice the distance of the "
        "mirrors everything repeats, and % leaves the rest. On the second half of such a round the walker comes back.",
    ),
    Exercise(
        "my_sampler",
        3,
        sampler.check_sampler,
        sampler_mistakes.SAMPLER_MISTAKES,
        "x and y have shape (N, H_out, W_out). For each of the four neighbours: is it inside? Its weight, from the unclipped "
        "corner; its value, images[n, :, y, x] with clipped indices, times inside. With n = torch.arange(N)[:, None, None] the "
        "channels come last: permute at the end.",
    ),
    Exercise(
        "derivative_by_t_x",
        3,
        sampler_gradient.check_derivative_by_t_x,
        sampler_gradient.DERIVATIVE_MISTAKES,
        "By the chain rule dV / dt_x = dV / dx times dx / dt_x. When t_x grows by 1, by how many pixels does the point move? "
        "Look at what normalized_to_pixel does under each convention.",
    ),
    Exercise(
        "my_start",
        4,
        localization_network.check_start,
        localization_network.START_MISTAKES,
        "The output is weight times input plus bias. Which weight makes the input irrelevant? Change them under "
        "`torch.no_grad()`.",
    ),
    Exercise("plug_in", 4, plug_in.check_plug_in, plug_in_mistakes.PLUG_MISTAKES, "`nn.Sequential(transformer, cnn)`."),
    Exercise(
        "recovered_degrees",
        5,
        rotated_mnist.check_recovered_degrees,
        rotated_mnist.DEGREES_MISTAKES,
        "The rotation R nearest to a matrix A is the one for which the sum of the products of their entries is largest: "
        "(a11 + a22) cos + (a21 - a12) sin. Which angle makes that largest? (`torch.atan2`.)",
    ),
    Exercise(
        "spread_degrees",
        5,
        spread.check_spread_degrees,
        spread.SPREAD_MISTAKES,
        "Turn each angle into a unit vector and take the mean of all vectors; R is its length. The spread is sqrt(-2 ln R), "
        "which is in radians.",
    ),
    Exercise(
        "project",
        6,
        transformation_families.check_project,
        transformation_families.PROJECT_MISTAKES,
        "Compute numerators and depth first. `torch.where(behind, 1.0, depth)` gives a depth that can be divided by everywhere; "
        "then replace the points behind.",
    ),
    Exercise(
        "flow",
        6,
        flow.check_flow,
        flow.FLOW_MISTAKES,
        "The velocity is asked anew at each step, at the place reached so far. How many steps are there with three squarings?",
    ),
    Exercise(
        "window_scale",
        7,
        cifar10.check_window_scale,
        cifar10.SCALE_MISTAKES,
        "The 2x2 part of theta maps the output's square to a parallelogram. By which factor does its area grow? A scale is the "
        "root of that.",
    ),
    Exercise(
        "block_means",
        7,
        block_means.check_block_means,
        block_means.MEANS_MISTAKES,
        "`range(0, len(values), size)` gives where the blocks begin, and a slice that reaches beyond the end of a list stops "
        "there by itself.",
    ),
    Exercise(
        "look_again",
        8,
        looking_again.check_look_again,
        looking_again.AGAIN_MISTAKES,
        "An output pixel asks the newest map first: it leads into the picture that was warped by the map before. As 3x3 matrices, with "
        "the row 0 0 1 below each, the whole way is old @ new.",
    ),
    Exercise(
        "overlap",
        8,
        overlapping.check_overlap,
        overlapping.OVERLAP_MISTAKES,
        "The common part begins at the larger of the two lefts and ends at the smaller of the two rights. It may have no width at all: "
        "`clamp(min=0)`. The union is the sum of the areas less what was counted twice.",
    ),
    Exercise(
        "as_matrices",
        9,
        when_it_fails.check_as_matrices,
        when_it_fails.MATRICES_MISTAKES,
        "For a batch of one it is right. Write down theta of two pictures as 2 rows of 6 numbers. Which of them land in the first "
        "matrix?",
    ),
    Exercise(
        "parameter_groups",
        9,
        when_it_fails.check_parameter_groups,
        when_it_fails.GROUPS_MISTAKES,
        "An optimiser moves what it was given, and nothing else. `net.transformer.localization.parameters()` are the localiser's; "
        "the others are all the rest, whatever they are called.",
    ),
    Exercise(
        "theta_gradient",
        10,
        speed_and_scale.check_theta_gradient,
        speed_and_scale.THETA_MISTAKES,
        "By the chain rule the derivative by a11 is, at each pixel, the first of its two gradients times x. Then add up over all "
        "pixels, for each image by itself. `torch.einsum` does both at once.",
    ),
    Exercise(
        "whole_gradient",
        10,
        speed_and_scale.check_whole_gradient,
        speed_and_scale.WHOLE_MISTAKES,
        "Turn each mean back into a sum, add the sums, and divide once: by how many images are there in all?",
    ),
]
