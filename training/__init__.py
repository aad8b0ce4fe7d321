"""Making the models that ship: generators, training, calibration, evaluation."""
