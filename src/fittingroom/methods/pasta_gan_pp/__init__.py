"""PASTA-GAN++ (Xie et al., 2022): unpaired try-on by a StyleGAN2 whose style is what fifteen garment patches look like."""
