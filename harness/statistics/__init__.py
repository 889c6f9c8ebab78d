"""What numbers can carry: estimates, tests, draws of the test images. numpy and scipy alone."""
