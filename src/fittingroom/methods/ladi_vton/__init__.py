"""LaDI-VTON: latent diffusion with a garment turned into words, and the photo's own detail kept by skip connections."""
