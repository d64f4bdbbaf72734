"""`dermdiff`: a class-conditional diffusion model at 64 px and a diffusion upsampler to 256 px."""
