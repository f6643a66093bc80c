"""Trainings: certifications of the national register, and ways without a training."""
