"""Windows that shrink: nearer to a good camera when blurred, and they find back from farther off; unshrunk both are the same."""

import pytest
import torch
from torch.nn import functional as F

from stn_tutorial.training.basin import Windows, framed, sampling_error, share_found


@pytest.fixture(scope="module")
def digits(digits):
    return framed(digits, 24)


def test_a_window_in_place_shows_the_middle_of_the_frame(digits):
    shown = Windows(digits, 1, False)(torch.zeros(2, 24, 2))
    assert shown.shape == (2, 24, 24, 24)
    torch.testing.assert_close(shown[0], digits[:, 0, 24:48, 24:48])
    off = Windows(digits, 1, False)(torch.tensor([3.0, -2]).expand(1, 24, 2))
    torch.testing.assert_close(off[0], digits[:, 0, 22:46, 27:51], atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_good_camera_takes_the_mean_of_what_a_pixel_covers(digits, scale):
    windows = Windows(digits, scale, False)
    means = F.avg_pool2d(digits[:, 0, 24:48, 24:48], scale)
    assert (windows.as_a_camera(torch.zeros(24, 2)) - means).abs().mean() < 0.02


def test_blurring_helps_where_a_window_shrinks_and_changes_nothing_where_it_does_not(digits):
    errors = {(scale, on): sampling_error(digits, scale, on) for scale in (1, 2, 3, 4) for on in (False, True)}
    assert errors[1, True] == pytest.approx(errors[1, False], abs=1e-6)
    assert all(errors[scale, True] < 0.8 * errors[scale, False] for scale in (2, 3, 4))


def test_a_blurred_window_finds_back_from_farther_off(digits):
    plain, blurred = (share_found(digits, 4, on, [0, 6]) for on in (False, True))
    assert blurred[0] == 1 and blurred[1] > plain[1] + 0.3
    assert share_found(digits, 1, True, [4]) == pytest.approx(share_found(digits, 1, False, [4]), abs=0.05)


def test_a_window_of_no_whole_pixels_is_refused(digits):
    with pytest.raises(ValueError, match=r"scale must be one of \(1, 2, 3, 4\), got 5"):
        Windows(digits, 5, True)
